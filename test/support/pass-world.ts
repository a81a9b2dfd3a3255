import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoredCall } from "../../src/ports/calls.ts";
import { writeDemoConfig } from "./demo-config.ts";
import { eventually, startGateway, type TestGateway, type TestGatewayOptions } from "./gateway.ts";

/** One request as the upstream got it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage["headers"];
  /** Grows while the body comes in. */
  readonly chunks: Buffer[];
  /** When the connection ended before the answer did. */
  readonly aborted: Promise<void>;
}

export type Answerer = (request: IncomingMessage, response: ServerResponse, seen: SeenRequest) => void;

/** An upstream that answers as a test says, and keeps every request in memory. */
export interface ScriptedUpstream {
  readonly url: string;
  readonly seen: SeenRequest[];
  /** Sockets that anybody opened, whether or not a request came over them. */
  readonly sockets: Socket[];
  answer: Answerer;
  close(): Promise<void>;
}

/** Answers 200 and `{}`, after the whole body. */
export const answerEmpty: Answerer = (request, response) => {
  request.resume().on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
};

/** Starts one on a free port of loopback. */
export async function startUpstream(tls: { readonly cert: string; readonly key: string } | null = null): Promise<ScriptedUpstream> {
  const seen: SeenRequest[] = [];
  const sockets: Socket[] = [];
  const server: Server = tls === null ? createServer() : createTlsServer(tls);
  server.on("connection", (socket: Socket) => sockets.push(socket));
  server.on("request", (request, response) => {
    const aborted = new Promise<void>((resolve) => response.once("close", () => (response.writableFinished ? undefined : resolve())));
    const { method = "", url = "", rawHeaders, headers } = request;
    const one: SeenRequest = { method, url, rawHeaders, headers, chunks: [], aborted };
    request.on("data", (chunk: Buffer) => one.chunks.push(chunk));
    request.pause();
    seen.push(one);
    upstream.answer(request, response, one);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const upstream: ScriptedUpstream = {
    url: `${tls === null ? "http" : "https"}://127.0.0.1:${port}`,
    seen,
    sockets,
    answer: answerEmpty,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of sockets) socket.destroy();
      }),
  };
  return upstream;
}

/** Tools of the mount `/llm`, which the agent `reader` may use. */
export const passTools = `
  llm.files: { match: "GET /files/**", describe: Read files., traits: { effect: read }, timeout: 2s, stream_idle_timeout: 1s, price: { usd: "0.01" } }
  llm.one: { match: "GET /one/{id}/content", describe: Read one., traits: { effect: read }, timeout: 2s }
  llm.kept: { match: "GET /kept/**", describe: Read on after a stop., traits: { effect: read }, timeout: 2s, on_stop: finish }
  llm.ask: { match: "POST /ask", describe: Ask without an effect., traits: { effect: read }, timeout: 2s, stream_idle_timeout: 2s }
  llm.act: { match: "POST /act", describe: Do something., traits: { effect: write }, timeout: 2s, stream_idle_timeout: 1s }
  llm.remove: { match: "DELETE /act/{id}", describe: Undo something., traits: { effect: write }, timeout: 2s }
  llm.chat:
    match: POST /v1/chat/completions
    describe: Chat.
    traits: { effect: read }
    price: { usd: "0.10" }
    usage: { format: openai }
    prices: { "gpt-*": { input: "2.50", cached_input: "1.25", output: "10.00" } }
  llm.messages:
    match: POST /v1/messages
    describe: Messages.
    traits: { effect: read }
    price: { usd: "0.10" }
    usage: { format: anthropic }
    prices: { "claude-*": { input: "3.00", cached_input: "0.30", cache_write: "3.75", output: "15.00" } }
`;

/** A run may cost 40 cents. */
const runBudgets = "  - { meter: cost, scope: run, limit: 0.40 USD }\n  - { meter: cost, scope: agent, window: day, limit: 1000.00 USD }";

export interface PassWorldOptions extends Omit<TestGatewayOptions, "configFile"> {
  /** Absent: one without TLS, which is closed with the world. */
  readonly upstream?: ScriptedUpstream;
  /** Lines of the route file beside the usual. */
  readonly route?: string;
  readonly tools?: string;
  /** Absent: a plain one for each tenant. */
  readonly credentials?: string;
  /** Lines of the contract in place of the usual budgets. */
  readonly budgets?: string;
  readonly stage?: string;
  /** Files to change or add, by their place in the configuration. */
  readonly edit?: Readonly<Record<string, (text: string) => string>>;
  /** More route files, by name, made from the upstream's URL; the reader may use their tools too. */
  readonly routes?: Readonly<Record<string, (url: string) => string>>;
}

/** A whole gateway with a passthrough mount at `/llm` to a scripted upstream. */
export interface PassWorld extends TestGateway {
  readonly upstream: ScriptedUpstream;
  /** A token of the agent `reader`. */
  readonly token: string;
  /** A request to the mount with the reader's token, unread. */
  fetch(path: string, init?: RequestInit & { readonly token?: string }): Promise<Response>;
  /** The call of an answer, when it is settled. */
  settled(callId: string): Promise<StoredCall>;
  /** The newest call of the store, when it is settled. */
  newest(): Promise<StoredCall>;
}

/** Starts it; everything is closed and removed by `close`. */
export async function startPassWorld(options: PassWorldOptions = {}): Promise<PassWorld> {
  const {
    route = "",
    tools = passTools,
    budgets = runBudgets,
    stage = "autonomous",
    credentials = '"Bearer sk_up_{tenant}"',
    edit = {},
    routes = {},
    ...rest
  } = options;
  const upstream = options.upstream ?? (await startUpstream());
  const folder = mkdtempSync(join(tmpdir(), "sallyport-pass-"));
  const files = Object.fromEntries(Object.entries(routes).map(([name, text]) => [`routes/${name}.yaml`, text(upstream.url)]));
  const names = [tools, ...Object.values(files)].flatMap((text) =>
    [...text.matchAll(/^ {2}([a-z_]+\.[a-z_.]+):/gm)].map(([, name]) => name),
  );
  const configFile = writeDemoConfig(folder, {
    edit: {
      "routes/llm.yaml": () =>
        `upstream: ${upstream.url}/base\nmount: { path: /llm }\npassthrough: true\ncredentials: { value: ${credentials} }\n${route}\ntools:\n${tools}`,
      "config/contracts/reader.yaml": () =>
        `agent: reader\nworkflow: reading\nowner: nobody\ntenants: [acme_co, globex]\nstage: ${stage}\ntools: { ${names.map((name) => `${name}: allow`).join(", ")} }\nbudgets:\n${budgets}\n`,
      ...Object.fromEntries(Object.entries(files).map(([file, text]) => [file, () => text])),
      ...edit,
    },
  });
  const gateway = await startGateway({ ...rest, configFile });
  const token = await gateway.agentToken({ agent: "reader", run: "r_read" });
  const { close } = gateway;
  const settled = (callId: string): Promise<StoredCall> =>
    eventually(`${callId} is settled`, async () => {
      const call = await gateway.gateway.ports.calls.find(callId);
      return call !== null && call.settled !== null ? call : null;
    });
  return Object.defineProperties({} as PassWorld, {
    ...Object.getOwnPropertyDescriptors(gateway),
    ...Object.getOwnPropertyDescriptors({
      upstream,
      token,
      fetch: (path: string, init: RequestInit & { readonly token?: string } = {}) =>
        fetch(`${gateway.gateway.agentsUrl}/llm${path}`, {
          redirect: "manual",
          ...init,
          headers: { authorization: `Bearer ${init.token ?? token}`, ...(init.headers as Record<string, string>) },
        }),
      settled,
      newest: async () => {
        const [call] = await gateway.gateway.ports.calls.list({ limit: 1 });
        return settled(call?.id ?? "");
      },
      close: async () => {
        await close();
        if (options.upstream === undefined) await upstream.close();
        rmSync(folder, { recursive: true, force: true });
      },
    }),
  });
}
