import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { parseArgs } from "node:util";
import { rebuildBooks } from "./books.ts";
import { CONTROL_PREFIX, serveControl } from "./control.ts";
import { EffectsLog } from "./effects-log.ts";
import { FaultTable } from "./faults.ts";
import { unreadableRequest } from "./received.ts";
import { type Sandbox, serveRequest } from "./serve-request.ts";

const HELP = `Usage: node examples/sandbox/server.ts [options]

A payments, tickets and deploys API for two made-up tenants, on 127.0.0.1 only.

  --port <n>            port to listen on; 0 picks a free one (default 9900)
  --data <folder>       where effects.jsonl is kept (default data/sandbox)
  --no-log-reads        neither log nor sync GET requests
  --control             open /_control/ for tests: faults and the log
  --tls-key <file>      PEM private key; with --tls-cert the server speaks HTTPS
  --tls-cert <file>     PEM certificate chain
  --exit-with-parent    end when standard input ends
  --help                show this text
`;

interface Options {
  readonly port: number;
  readonly folder: string;
  readonly logReads: boolean;
  readonly control: boolean;
  readonly tls: { readonly key: Buffer; readonly cert: Buffer } | null;
  readonly exitWithParent: boolean;
}

/** The options, or null when only help was wanted. Throws a sentence for the user. */
function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: "string", default: "9900" },
      data: { type: "string", default: "data/sandbox" },
      "no-log-reads": { type: "boolean", default: false },
      control: { type: "boolean", default: false },
      "tls-key": { type: "string" },
      "tls-cert": { type: "string" },
      "exit-with-parent": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const port = Number(values.port);
  if (!/^\d{1,5}$/.test(values.port) || port > 65_535) throw new Error("--port is a number from 0 to 65535");
  return {
    port,
    folder: values.data,
    logReads: !values["no-log-reads"],
    control: values.control,
    tls: readTls(values["tls-key"], values["tls-cert"]),
    exitWithParent: values["exit-with-parent"],
  };
}

function readTls(keyFile: string | undefined, certFile: string | undefined): Options["tls"] {
  if (keyFile === undefined && certFile === undefined) return null;
  if (keyFile === undefined || certFile === undefined) throw new Error("--tls-key and --tls-cert go together");
  return { key: readFileSync(keyFile), cert: readFileSync(certFile) };
}

/** The server, with every way in leading through the log. */
function buildServer(sandbox: Sandbox, options: Options): Server {
  const busy = new WeakSet<Socket>();
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    busy.add(request.socket);
    response.once("close", () => busy.delete(request.socket));
    const forTests = options.control && (request.url ?? "").startsWith(CONTROL_PREFIX);
    const served = forTests ? serveControl(sandbox, request, response) : serveRequest(sandbox, request, response);
    served.catch(endBroken);
  };
  // Node would answer a request without Host, and drop headers beyond 2,000, before anybody could log them.
  const settings: ServerOptions = { requireHostHeader: false, keepAliveTimeout: 65_000 };
  const server = options.tls === null ? createServer(settings, serve) : createTlsServer({ ...settings, ...options.tls }, serve);
  server.maxHeadersCount = 0;
  server.on("checkExpectation", serve);
  server.on("connect", (_request: IncomingMessage, socket: Socket) => logUnreadable(sandbox, "CONNECT", socket));
  server.on("clientError", (error: Error & { code?: string }, socket: Socket) => {
    // A client that leaves in the middle of its body is in the log already, as a request that was cut.
    const left = error.code === "HPE_INVALID_EOF_STATE" && busy.has(socket);
    if (error.code?.startsWith("HPE_") === true && !left) return logUnreadable(sandbox, error.code, socket);
    socket.destroy();
  });
  return server;
}

function logUnreadable(sandbox: Sandbox, code: string, socket: Socket): void {
  socket.on("error", () => socket.destroy());
  const answer = () => socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  sandbox.log.appendRequest(unreadableRequest(code)).then(answer, endBroken);
}

/** A sandbox that cannot keep its promises must not go on answering. */
function endBroken(cause: unknown): never {
  process.stderr.write(`sandbox: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`);
  process.exit(1);
}

async function run(options: Options): Promise<void> {
  const { log, lines } = await EffectsLog.open(options.folder, endBroken);
  const faults = new FaultTable();
  const sandbox: Sandbox = { log, books: rebuildBooks(lines), faults, logReads: options.logReads, committed: Promise.resolve() };
  const server = buildServer(sandbox, options);
  const stop = () => {
    server.close();
    server.closeAllConnections();
    log.drained().then(() => process.exit(0), endBroken);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  if (options.exitWithParent) process.stdin.on("end", stop).on("error", stop).resume();
  server.on("error", endBroken);
  server.listen(options.port, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    const url = `${options.tls === null ? "http" : "https"}://127.0.0.1:${port}`;
    process.stdout.write(`${JSON.stringify({ ready: true, url })}\n`);
  });
}

/** Exit codes: 0 after a stop or help, 1 after a fault, 2 for wrong options. */
function main(): void {
  let options: Options | null;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (cause) {
    process.stderr.write(`sandbox: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    process.exit(2);
  }
  if (options === null) process.stdout.write(HELP);
  else run(options).catch(endBroken);
}

main();
