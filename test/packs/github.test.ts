import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Octokit } from "@octokit/rest";
import { readConfiguration } from "../../src/config/read.ts";
import type { Tool } from "../../src/rules/catalogue.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { eventually } from "../support/gateway.ts";
import { operationOf, rows } from "./github-rows.ts";
import { fitsType, literalsOf, shapeOf } from "./github-shapes.ts";
import { type GithubUpstream, headSha, startGithub } from "./github-upstream.ts";
import { openPackWorld, type PackWorld, readFromPage, stripeAccount, writePackFiles } from "./pack-world.ts";

const everything = `agent: everything
workflow: packs
owner: platform-team
tenants: [acme_co]
stage: autonomous
tools:
${rows.map(({ tool }) => `  github.${tool}: allow`).join("\n")}
`;

let github: GithubUpstream;
let world: PackWorld;
before(async () => {
  github = await startGithub(rows.map(operationOf));
  world = await openPackWorld({
    contracts: { everything, "code-helper": readFromPage("contract code-helper") },
    upstreams: { github: github.url },
  });
});
after(async () => {
  await world.close();
  await github.close();
});

let runs = 0;
/** Octokit as an agent's program has it: the gateway's address, and its token as the key. */
async function connect(agent: string): Promise<Octokit> {
  runs += 1;
  const auth = await world.gateway.agentToken({ agent, run: `r_github_${runs}` });
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  return new Octokit({ auth, baseUrl: `${world.gateway.gateway.agentsUrl}/github`, log: silent });
}

type Refused = { readonly status: number; readonly message: string; readonly response: { readonly data: Record<string, unknown> } };
const refusalOf = async (call: Promise<unknown>): Promise<Refused> => {
  try {
    await call;
  } catch (error) {
    return error as Refused;
  }
  throw new Error("it was not refused");
};

async function toolsOfPack(): Promise<readonly Tool[]> {
  const files = await writePackFiles();
  try {
    const result = readConfiguration(files.configFile, { dev: true });
    assert.ok(result.ok, result.ok ? "" : JSON.stringify(result.problems, null, 2));
    return [...result.catalogue.tools.values()].filter(({ upstream }) => upstream === "github");
  } finally {
    files.remove();
  }
}

const templateOf = ({ template }: Tool): string =>
  template.map((segment) => (typeof segment === "string" ? `/${segment}` : `/{${segment.parameter}}`)).join("");

test("every tool of the GitHub pack takes what GitHub's description knows, and nothing else", async (context) => {
  const tools = await toolsOfPack();
  assert.deepEqual(tools.map(({ name }) => name).toSorted(), rows.map(({ tool }) => `github.${tool}`).toSorted());
  let names = 0;
  for (const row of rows) {
    const tool = tools.find(({ name }) => name === `github.${row.tool}`) as Tool;
    const { id, method, url } = operationOf(row);
    assert.deepEqual([tool.method, templateOf(tool)], [method, url], row.tool);
    const shape = shapeOf(id);
    const properties = tool.input["properties"] as Record<string, JsonObject>;
    for (const [name, schema] of Object.entries(properties)) {
      const place = tool.places.get(name) as "path" | "query" | "body";
      const type = shape[place].get(name);
      assert.ok(type !== undefined, `${row.tool}: GitHub has no ${name} in the ${place}`);
      const allowed = (schema["enum"] as readonly unknown[] | undefined) ?? [];
      assert.deepEqual(
        allowed.filter((value) => !fitsType(value, type)),
        [],
        `${row.tool}: ${name} is ${type}`,
      );
      if (literalsOf(type) !== null) assert.ok(allowed.length > 0, `${row.tool}: ${name} is one of ${type}`);
      names += 1;
    }
    const required = tool.input["required"] as readonly string[];
    assert.deepEqual(
      shape.bodyRequired.filter((name) => !required.includes(name)),
      [],
      row.tool,
    );
    if (tool.traits.effect === "write")
      assert.deepEqual(
        shape.statuses.filter((status) => status >= 400 && status < 500 && !tool.noEffect.includes(status)),
        [],
        row.tool,
      );
  }
  context.diagnostic(`${rows.length} tools, ${names} arguments`);
  assert.equal(rows.length, 15);
  assert.ok(names >= 90, String(names));
});

test("Octokit reaches every tool of the pack, with every argument, and each request is what GitHub documents", async () => {
  const octokit = await connect("everything");
  for (const row of rows) {
    const from = github.requests.length;
    const { status } = await row.call(octokit).catch((cause: unknown) => {
      throw new Error(`${row.tool}: ${github.faults.join()}`, { cause });
    });
    assert.ok(status >= 200 && status < 300, row.tool);
    const reached = github.requests.slice(from).map(({ operation }) => operation);
    assert.equal(reached.at(-1), operationOf(row).id, row.tool);
    assert.ok(reached.length <= 2, `${row.tool}: ${reached.join()}`);
  }
  assert.deepEqual(github.faults, []);
  const { headers } = github.requests.at(-1) as { headers: Record<string, string> };
  assert.deepEqual(
    [headers["user-agent"], headers["x-github-api-version"], headers["stripe-account"]],
    ["sallyport", undefined, undefined],
  );
  assert.equal(stripeAccount.startsWith("acct_"), true);
});

const badCalls: readonly (readonly [string, string, JsonObject])[] = [
  ["a repository that is a step up", "github.get_issue", { owner: "acme", repo: "..", issue_number: 1 }],
  ["a repository with a slash", "github.get_issue", { owner: "acme", repo: "shop/../other", issue_number: 1 }],
  ["an owner with a slash", "github.get_issue", { owner: "acme/x", repo: "shop", issue_number: 1 }],
  ["a merge of whatever is there", "github.merge_pull", { owner: "acme", repo: "shop", pull_number: 2 }],
  ["a merge of a short commit", "github.merge_pull", { owner: "acme", repo: "shop", pull_number: 2, sha: "6dcb09b" }],
  ["an approval", "github.review_pull", { owner: "acme", repo: "shop", pull_number: 2, commit_id: headSha, event: "APPROVE", body: "x" }],
  [
    "a deployment that merges first",
    "github.create_deployment",
    { owner: "acme", repo: "shop", ref: "v1", environment: "production", auto_merge: true },
  ],
  ["a deployment that may merge first", "github.create_deployment", { owner: "acme", repo: "shop", ref: "v1", environment: "production" }],
  [
    "a deployment without its checks",
    "github.create_deployment",
    { owner: "acme", repo: "shop", ref: "v1", environment: "production", auto_merge: false, required_contexts: [] },
  ],
  ["a page of everything", "github.list_issues", { owner: "acme", repo: "shop", per_page: 100 }],
  [
    "a link that is no https",
    "github.add_deployment_status",
    { owner: "acme", repo: "shop", deployment_id: 4, state: "success", log_url: "javascript:alert(1)" },
  ],
  ["a head without its owner", "github.create_pull", { owner: "acme", repo: "shop", title: "Fix", head: "fix", base: "main" }],
];

test("what the pack leaves out is refused, and GitHub does not hear of it", async () => {
  const from = github.requests.length;
  const token = await world.gateway.agentToken({ agent: "everything", run: "r_bad" });
  for (const [what, tool, args] of badCalls) {
    const answer = await world.gateway.call(tool, args, { token, key: `bad-${what.length}` });
    assert.deepEqual([answer.status, answer.body["code"]], [422, "ERR_ARGUMENTS_INVALID"], what);
  }
  const secret = await world.gateway.call(
    "github.add_comment",
    { owner: "acme", repo: "shop", issue_number: 1, body: `use ghp_${"a1B2".repeat(9)}` },
    { token },
  );
  const card = await world.gateway.call(
    "github.add_comment",
    { owner: "acme", repo: "shop", issue_number: 1, body: "card 4111 1111 1111 1111" },
    { token },
  );
  assert.deepEqual([secret.body["code"], card.body["code"]], ["ERR_OUTBOUND_REFUSED", "ERR_OUTBOUND_REFUSED"]);
  assert.equal(github.requests.length, from);
  assert.equal(badCalls.length, 12);
});

test("a merge waits for people, who see the pull request, and runs once", async () => {
  const octokit = await connect("code-helper");
  const merge = () => octokit.rest.pulls.merge({ owner: "acme", repo: "shop", pull_number: 7, sha: headSha });
  const held = await refusalOf(merge());
  assert.deepEqual([held.status, held.response.data["code"]], [403, "ERR_HELD"]);
  assert.equal(github.merges(), 1, "the one of the test before");
  const { body } = await world.gateway.people("approver", "GET", "/sallyport/v1/holds");
  const [hold] = body["holds"] as readonly { readonly id: string }[];
  const shown = await world.gateway.people("approver", "GET", `/sallyport/v1/calls/${hold?.id}`);
  const { before: seen, args } = shown.body["request"] as { before: JsonObject; args: JsonObject };
  assert.deepEqual([seen["number"], seen["merged"], args["sha"]], [7, false, headSha]);
  for (const person of ["approver", "approver2"]) assert.equal((await world.gateway.approve(person, hold?.id ?? "")).status, 200);
  await eventually("the merge has run", async () => github.merges() === 2);
  assert.equal((await merge()).data.merged, true);
  assert.equal(github.merges(), 2);
});

test("405 and 409 are no merge; the same try in one run is told from the record, and a key of its own is a new one", async () => {
  const octokit = await connect("everything");
  const merge = (changes: object) => octokit.rest.pulls.merge({ owner: "acme", repo: "shop", pull_number: 9, sha: headSha, ...changes });
  const moved = await refusalOf(merge({ sha: "0".repeat(40) }));
  assert.deepEqual([moved.status, moved.message.startsWith("Head branch was modified")], [409, true]);
  github.setMergeable(false);
  assert.equal((await refusalOf(merge({}))).status, 405);
  github.setMergeable(true);
  const before = github.requests.length;
  assert.equal((await refusalOf(merge({}))).status, 405);
  assert.equal(
    github.requests.slice(before).some(({ operation }) => operation === "pulls/merge"),
    false,
  );
  assert.equal((await merge({ headers: { "idempotency-key": "after-the-checks" } })).data.merged, true);
  const { body } = await world.gateway.people("viewer", "GET", "/sallyport/v1/calls?agent=everything&limit=20");
  const states = (body["calls"] as readonly { tool: string; state: string }[]).filter(({ tool }) => tool === "github.merge_pull");
  assert.deepEqual(
    states.slice(0, 3).map(({ state }) => state),
    ["succeeded", "failed", "failed"],
  );
});

test("a merge whose answer is lost is unknown, and is not sent again", async () => {
  const octokit = await connect("everything");
  const from = github.merges();
  const merge = () => octokit.rest.pulls.merge({ owner: "acme", repo: "shop", pull_number: 11, sha: headSha, request: { retries: 0 } });
  github.breakNext();
  for (const turn of [1, 2]) assert.match((await refusalOf(merge())).message, /^It is NOT KNOWN/, `turn ${turn}`);
  assert.equal(github.merges() - from, 1);
  assert.equal(github.requests.filter(({ operation, args }) => operation === "pulls/merge" && args["pull_number"] === "11").length, 1);
});
