import { type AddressInfo, createServer, connect as openSocket, type Socket } from "node:net";

/** A wire that counts: whatever stands behind it, what an SDK really sent is known here. */
export interface CountingRelay {
  readonly url: string;
  readonly port: number;
  /** HTTP requests that went through since the last `reset`. */
  requests(): number;
  reset(): void;
  /** Loses the answers of the next `times` requests: they are handed on, and the client's connection is cut instead of an answer. */
  loseAnswers(times: number): void;
  close(): Promise<void>;
}

/** A request's first line and everything up to the blank line behind its headers. */
const head = /(?:GET|POST|PUT|PATCH|DELETE) [^ \r\n]+ HTTP\/1\.1\r\n(?:[^\r\n]+\r\n)*\r\n/g;

/** Opens a relay on a free port of loopback to a port of loopback. It reads along and changes no byte. */
export async function openRelay(targetPort: number): Promise<CountingRelay> {
  let seen = 0;
  let toLose = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = openSocket({ host: "127.0.0.1", port: targetPort });
    let unread = "";
    let losing = false;
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        target.destroy();
      });
    }
    client.on("data", (chunk: Buffer) => {
      unread += chunk.toString("latin1");
      const heads = [...unread.matchAll(head)];
      const last = heads.at(-1);
      if (last !== undefined) {
        seen += heads.length;
        unread = unread.slice((last.index ?? 0) + last[0].length);
        if (toLose > 0) {
          toLose -= 1;
          losing = true;
        }
      }
      target.write(chunk);
    });
    target.on("data", (chunk: Buffer) => {
      if (losing) client.resetAndDestroy();
      else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: () => seen,
    reset() {
      seen = 0;
    },
    loseAnswers(times) {
      toLose = times;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A port of loopback that was free a moment ago, for listeners whose port stands in a file. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
