import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fitsType, type Shape, shapeOf } from "./github-shapes.ts";

/** One operation as Octokit knows it. */
export interface Operation {
  /** Such as `issues/create`. */
  readonly id: string;
  readonly method: string;
  /** Such as `/repos/{owner}/{repo}/issues`. */
  readonly url: string;
}

/** A request that arrived. */
export interface GithubRequest {
  readonly operation: string;
  readonly headers: IncomingMessage["headers"];
  readonly args: Readonly<Record<string, unknown>>;
}

/** A stand-in for GitHub's API that holds every request to GitHub's own description, keeps what was made, and merges a head once. */
export interface GithubUpstream {
  readonly url: string;
  readonly requests: GithubRequest[];
  /** What GitHub's description does not know, one line each. */
  readonly faults: string[];
  /** The next write acts and its connection breaks. */
  breakNext(): void;
  /** The checks of pull requests pass from now on, or do not. */
  setMergeable(mergeable: boolean): void;
  merges(): number;
  close(): Promise<void>;
}

/** The commit that every pull request stands at. */
export const headSha = "6dcb09b5b57875f334f61aebed695e2e4193db5e";

type Args = Readonly<Record<string, unknown>>;
interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Starts it for these operations on a free port of loopback. */
export async function startGithub(operations: readonly Operation[]): Promise<GithubUpstream> {
  const shapes = new Map(operations.map(({ id }) => [id, shapeOf(id)]));
  const requests: GithubRequest[] = [];
  const faults: string[] = [];
  const world: World = { made: [], mergeable: true, merged: new Set() };
  let breaks = false;
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const sent = await readSent(request, operations, shapes);
    if ("fault" in sent) {
      faults.push(sent.fault);
      send(response, { status: 500, body: { message: sent.fault } });
      return;
    }
    requests.push({ ...sent, headers: request.headers });
    const reply = answer(world, sent.operation, sent.args);
    if (breaks && request.method !== "GET") {
      breaks = false;
      request.socket.resetAndDestroy();
      return;
    }
    send(response, reply);
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    faults,
    breakNext: () => {
      breaks = true;
    },
    setMergeable: (mergeable) => {
      world.mergeable = mergeable;
    },
    merges: () => world.merged.size,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
}

async function readSent(
  request: IncomingMessage,
  operations: readonly Operation[],
  shapes: ReadonlyMap<string, Shape>,
): Promise<{ readonly operation: string; readonly args: Args } | { readonly fault: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  const { method = "", headers } = request;
  const url = new URL(request.url ?? "", "http://github");
  const operation = operations.find((one) => one.method === method && pathOf(one).test(url.pathname));
  const shape = operation === undefined ? undefined : shapes.get(operation.id);
  if (operation === undefined || shape === undefined) return { fault: `${method} ${url.pathname} is nothing of GitHub's` };
  const told = (fault: string) => ({ fault: `${operation.id}: ${fault}` });
  if (headers["user-agent"] === undefined) return told("no User-Agent");
  if (headers.authorization !== "Bearer ghs_acme") return told("not the tenant's token");
  if (text !== "" && headers["content-type"] !== "application/json") return told("a body that is no JSON");
  const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  const query = Object.fromEntries(url.searchParams);
  const missing = shape.bodyRequired.filter((name) => !Object.hasOwn(body, name));
  if (missing.length > 0) return told(`without ${missing.join()}`);
  for (const [name, value] of Object.entries(body)) {
    const type = shape.body.get(name);
    if (type === undefined || !fitsType(value, type)) return told(`${name} in the body is ${JSON.stringify(value)}`);
  }
  for (const name of Object.keys(query)) if (!shape.query.has(name)) return told(`${name} in the query`);
  return { operation: operation.id, args: { ...pathOf(operation).exec(url.pathname)?.groups, ...query, ...body } };
}

function pathOf({ url }: Operation): RegExp {
  return new RegExp(`^${url.replaceAll(/\{([a-z_]+)\}/g, "(?<$1>[^/]+)")}$`);
}

interface World {
  readonly made: { readonly operation: string; readonly object: Record<string, unknown> }[];
  mergeable: boolean;
  readonly merged: Set<string>;
}

function answer(world: World, operation: string, args: Args): Reply {
  if (operation === "pulls/merge") return merge(world, args);
  if (operation === "pulls/get") return { status: 200, body: pullOf(world, args) };
  if (operation === "issues/get") return { status: 200, body: issueOf({ number: Number(args["issue_number"]) }) };
  const listed = lists[operation];
  if (listed !== undefined)
    return { status: 200, body: world.made.flatMap((one) => (one.operation === listed ? [one.object] : [])).toReversed() };
  const object = made(world.made.length + 1, operation, args);
  world.made.push({ operation, object });
  return { status: operation === "issues/update" || operation === "pulls/create-review" ? 200 : 201, body: object };
}

/** What each list is a list of. */
const lists: Readonly<Record<string, string>> = {
  "issues/list-for-repo": "issues/create",
  "issues/list-comments": "issues/create-comment",
  "pulls/list": "pulls/create",
  "repos/list-deployments": "repos/create-deployment",
  "repos/list-deployment-statuses": "repos/create-deployment-status",
};

function made(id: number, operation: string, args: Args): Record<string, unknown> {
  const { owner: _owner, repo: _repo, ...sent } = args;
  if (operation.startsWith("issues/") && operation !== "issues/create-comment") return { ...issueOf({ number: id }), ...sent };
  if (operation === "pulls/create")
    return { ...issueOf({ number: id }), ...sent, head: { label: sent["head"], sha: headSha }, base: { ref: sent["base"] } };
  if (operation === "pulls/create-review")
    return { id, body: sent["body"], state: sent["event"] === "COMMENT" ? "COMMENTED" : "CHANGES_REQUESTED" };
  return { id, sha: headSha, ...sent };
}

function issueOf({ number }: { readonly number: number }): Record<string, unknown> {
  return { id: 1000 + number, number, state: "open", title: `Number ${number}` };
}

function pullOf(world: World, args: Args): Record<string, unknown> {
  const number = Number(args["pull_number"]);
  const merged = world.merged.has(String(number));
  return { ...issueOf({ number }), state: merged ? "closed" : "open", merged, head: { sha: headSha }, base: { ref: "main" } };
}

function merge(world: World, args: Args): Reply {
  const number = String(args["pull_number"]);
  if (args["sha"] !== headSha) return { status: 409, body: { message: "Head branch was modified. Review and try the merge again." } };
  if (!world.mergeable || world.merged.has(number)) return { status: 405, body: { message: "Pull Request is not mergeable" } };
  world.merged.add(number);
  return {
    status: 200,
    body: { sha: "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d", merged: true, message: "Pull Request successfully merged" },
  };
}
