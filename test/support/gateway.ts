import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DevIssuer, openDevIssuer } from "../../src/adapters/dev-issuer/issuer.ts";
import { type Gateway, type GatewayOptions, openGateway } from "../../src/wiring/sqlite.ts";
import { assertDescribed, type Listener } from "./openapi-answers.ts";
import { type Referee, type SandboxOptions, startSandbox } from "./referee.ts";

/** An answer, read whole. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON, `{}` when it is not. */
  readonly body: Record<string, unknown>;
}

export interface CallOptions {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string;
}

/** A whole gateway in this process on a folder of its own, with a real sandbox upstream in another, and clients for both listeners. */
export interface TestGateway {
  readonly gateway: Gateway;
  readonly sandbox: Referee;
  readonly dev: DevIssuer;
  readonly dataDir: string;
  /** A token of billing-dispute-v3 for acme_co unless told otherwise. */
  agentToken(of?: { agent?: string; tenant?: string; run?: string; user?: string }): Promise<string>;
  personToken(name: string, groups?: readonly string[]): Promise<string>;
  call(tool: string, args: unknown, options?: CallOptions): Promise<TestAnswer>;
  /** Any request to the agents' listener, with the default token unless `authorization` is among the headers. */
  request(method: string, path: string, options?: CallOptions & { body?: string | Uint8Array }): Promise<TestAnswer>;
  /** A request to the people's listener as a development person. */
  people(person: string, method: string, path: string, body?: unknown): Promise<TestAnswer>;
  /** Approves a held call as this person. */
  approve(person: string, callId: string): Promise<TestAnswer>;
  /** Closes the gateway and opens it again on the same folder. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface TestGatewayOptions extends Partial<GatewayOptions> {
  readonly sandbox?: SandboxOptions;
  /** Upstreams beside the demo's, by name: their URLs, from the sandbox's. */
  readonly moreUpstreams?: (sandboxUrl: string) => Readonly<Record<string, string>>;
}

const configFile = join(import.meta.dirname, "../../config/gateway.yaml");
const hourMs = 3_600_000;

const roleOf: Readonly<Record<string, readonly ("viewer" | "approver" | "operator" | "auditor" | "admin")[]>> = {
  approver: ["viewer", "approver"],
  approver2: ["viewer", "approver"],
  operator: ["viewer", "operator"],
  auditor: ["viewer", "auditor"],
  admin: ["viewer", "admin"],
  viewer: ["viewer"],
};
const groupsOf: Readonly<Record<string, readonly string[]>> = { approver: ["finance", "release"], approver2: ["finance", "release"] };

/** Starts the demo's configuration against a sandbox of this test's own. */
export async function startGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const { sandbox: sandboxOptions, moreUpstreams, ...changes } = options;
  const sandbox = await startSandbox(sandboxOptions ?? {});
  const dataDir = changes.dataDir ?? mkdtempSync(join(tmpdir(), "sallyport-test-"));
  const upstreams = { payments: sandbox.url, tickets: sandbox.url, deploys: sandbox.url, ...moreUpstreams?.(sandbox.url) };
  const open = (): Promise<Gateway> =>
    openGateway({ configFile, dev: true, dataDir, agentsPort: 0, peoplePort: 0, upstreams, logLevel: "silent", ...changes });
  let gateway = await open();
  const dev = openDevIssuer(dataDir);

  const agentToken: TestGateway["agentToken"] = ({ agent = "billing-dispute-v3", tenant = "acme_co", run = "r_test", user } = {}) =>
    dev.mintAgentToken({ agent, tenant, run, ...(user === undefined ? {} : { user: { id: user, groups: [] } }), ttlMs: hourMs });
  const personToken: TestGateway["personToken"] = (name, groups = groupsOf[name] ?? []) =>
    dev.mintPersonToken({ person: name, name, roles: roleOf[name] ?? ["viewer"], groups, ttlMs: hourMs });
  let defaultToken = await agentToken();

  const request: TestGateway["request"] = async (method, path, { headers = {}, body, token, key } = {}) => {
    const authorization = { authorization: `Bearer ${token ?? defaultToken}` };
    const keyed = key === undefined ? {} : { "idempotency-key": key };
    const response = await fetch(`${gateway.agentsUrl}${path}`, {
      method,
      redirect: "manual",
      headers: { ...authorization, ...keyed, ...headers },
      ...(body === undefined ? {} : { body: body as string }),
    });
    return readAnswer(response, ["agents", method, path]);
  };
  const people: TestGateway["people"] = async (person, method, path, body) => {
    const headers = {
      authorization: `Bearer ${await personToken(person)}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return readAnswer(await fetch(`${gateway.peopleUrl}${path}`, { method, headers, ...sent }), ["people", method, path]);
  };
  return {
    get gateway() {
      return gateway;
    },
    sandbox,
    dev,
    dataDir,
    agentToken,
    personToken,
    request,
    people,
    call: (tool, args, callOptions = {}) =>
      request("POST", `/sallyport/v1/tools/${tool}`, {
        ...callOptions,
        headers: { "content-type": "application/json", ...callOptions.headers },
        body: JSON.stringify(args),
      }),
    async approve(person, callId) {
      const shown = await people(person, "GET", `/sallyport/v1/calls/${callId}`);
      const { binding } = shown.body["call"] as { binding: string };
      return people(person, "POST", `/sallyport/v1/holds/${callId}/votes`, { approve: true, reason: "looks right", binding });
    },
    async restart() {
      await gateway.close();
      gateway = await open();
      defaultToken = await agentToken();
    },
    async close() {
      await gateway.close();
      await sandbox.stop();
      if (changes.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Whatever a test is about, what our own resources say is what their document says. */
async function readAnswer(response: Response, asked: readonly [Listener, method: string, path: string]): Promise<TestAnswer> {
  const { status, headers } = response;
  const text = await response.text();
  assertDescribed(...asked, { status, headers, text });
  return { status, headers, text, body: parse(text) };
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Polls until a condition holds, or fails after `deadlineMs`. */
export async function eventually<T>(what: string, look: () => Promise<T | null | undefined | false>, deadlineMs = 10_000): Promise<T> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    if (performance.now() > until) throw new Error(`did not happen within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
