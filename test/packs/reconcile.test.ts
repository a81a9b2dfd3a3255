import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type LookView, lookAtUnknown } from "../../src/control/look-at-unknown.ts";
import type { HoldView } from "../../src/control/show-hold.ts";
import { describeCall } from "../../src/edges/cli/people-calls.ts";
import type { Catalogue } from "../../src/rules/catalogue.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { inject, ownClock } from "../path/wide-gateway.ts";
import { swap } from "../support/demo-config.ts";
import { operationOf, rows } from "./github-rows.ts";
import { type GithubUpstream, headSha, startGithub } from "./github-upstream.ts";
import { openPackWorld, type PackWorld } from "./pack-world.ts";

const contract = `agent: merger
workflow: packs
owner: platform-team
tenants: [acme_co]
stage: autonomous
tools: { github.merge_pull: allow, github.create_deployment: allow, github.add_comment: allow }
`;

const clock = ownClock();
let github: GithubUpstream;
let world: PackWorld;
before(async () => {
  github = await startGithub(rows.map(operationOf));
  world = await openPackWorld({
    contracts: { merger: contract },
    upstreams: { github: github.url },
    clock,
    // The demo's preview takes fewer charges than its refund does.
    edit: { "routes/payments.yaml": swap('pattern: "^ch_[A-Za-z0-9]{1,40}$"', 'pattern: "^ch_1[A-Za-z0-9]{1,40}$"') },
  });
});
after(async () => {
  await world.close();
  await github.close();
});

/** The tool's 20 s, and the 5 s in which it must start: until then the call may be on its way. */
const onItsWayMs = 25_000;
const secondMs = 1000;
const where = { owner: "acme", repo: "shop" };
let pulls = 100;

/** A call whose answer is lost, after the effect. */
async function loseAnswer(tool: string, args: JsonObject): Promise<string> {
  await world.gateway.gateway.ports.stops.refresh();
  github.breakNext();
  const lost = await world.gateway.call(tool, { ...where, ...args }, { token: await world.gateway.agentToken({ agent: "merger" }) });
  assert.equal(lost.body["executed"], "unknown", lost.text);
  return lost.body["call_id"] as string;
}

function loseMerge(): Promise<string> {
  pulls += 1;
  return loseAnswer("github.merge_pull", { pull_number: pulls, sha: headSha });
}

async function passAndLook(ms: number): Promise<void> {
  clock.pass(ms);
  const { ports } = world.gateway.gateway;
  await ports.stops.refresh();
  await lookAtUnknown(ports);
  await Promise.all(ports.executing.values());
}

async function shown(callId: string): Promise<HoldView> {
  const { body } = await world.gateway.people("viewer", "GET", `/sallyport/v1/calls/${callId}`);
  return body as unknown as HoldView;
}

const looksOf = async (callId: string): Promise<readonly string[]> => (await shown(callId)).looks.map(({ state }) => state);
const readsOf = (pull: number): number =>
  github.requests.filter(({ operation, args }) => operation === "pulls/get" && args["pull_number"] === String(pull)).length;

test("an unknown merge is looked at after its time, by a child call with an intent of its own, and stays unknown", async () => {
  const id = await loseMerge();
  const before = readsOf(pulls);
  await passAndLook(onItsWayMs + 4 * secondMs);
  assert.deepEqual([await looksOf(id), readsOf(pulls) - before], [[], 0]);
  await passAndLook(2 * secondMs);
  await passAndLook(secondMs);
  const view = await shown(id);
  assert.equal(readsOf(pulls) - before, 1, "one look, however often the duty comes");
  assert.equal(view.call.state, "unknown");
  const [look] = view.looks;
  assert.deepEqual([view.looks.length, look?.tool, look?.state, look?.status], [1, "github.get_pull", "succeeded", 200]);
  const { number, merged } = (look as LookView).answer as JsonObject;
  assert.deepEqual([number, merged], [pulls, true]);
  const lines = describeCall(view, clock.nowMs());
  assert.match(lines.find((line) => line.startsWith("looked")) ?? "", /with github\.get_pull: succeeded, status 200$/);
  assert.match(lines.find((line) => line.startsWith("found")) ?? "", /"merged":true/);
  const child = await world.gateway.gateway.ports.calls.find(look?.callId ?? "");
  assert.deepEqual([child?.parent, child?.verdict.reasons[0]?.rule, child?.effect], [id, "reconcile", "read"]);
});

test("it is looked at again after a minute and after ten, and no more once a person has settled it", async () => {
  const id = await loseMerge();
  for (const waited of [onItsWayMs + 5 * secondMs, 55 * secondMs, 55 * secondMs]) await passAndLook(waited);
  const two = (await shown(id)).looks;
  assert.deepEqual(
    two.map(({ answer }) => answer === null),
    [true, false],
    "the newest has its answer",
  );
  const settled = await world.gateway.people("operator", "POST", `/sallyport/v1/calls/${id}/reconcile`, {
    outcome: "succeeded",
    reason: "the pull request is merged",
  });
  assert.deepEqual([settled.status, settled.body["state"]], [200, "succeeded"]);
  await passAndLook(600 * secondMs);
  assert.deepEqual(await looksOf(id), ["succeeded", "succeeded"]);
  const other = await loseMerge();
  for (const waited of [onItsWayMs + 5 * secondMs, 60 * secondMs, 600 * secondMs, 600 * secondMs]) await passAndLook(waited);
  assert.deepEqual(await looksOf(other), ["succeeded", "succeeded", "succeeded"]);
});

test("a look takes the arguments that its tool declares, and a tool without one is not looked at", async () => {
  const id = await loseAnswer("github.create_deployment", { ref: "v2", environment: "staging", auto_merge: false, description: "again" });
  const comment = await loseAnswer("github.add_comment", { issue_number: 1, body: "Looking." });
  await passAndLook(onItsWayMs + 5 * secondMs);
  const { looks } = await shown(id);
  assert.deepEqual(
    ((looks[0] as LookView).answer as readonly JsonObject[]).map(({ ref }) => ref),
    ["v2"],
  );
  const asked = github.requests.findLast(({ operation }) => operation === "repos/list-deployments");
  assert.deepEqual({ ...asked?.args }, { ...where, ref: "v2", environment: "staging" });
  assert.deepEqual(await looksOf(comment), []);
  assert.deepEqual(github.faults, []);
});

test("agents cannot fetch a look", async () => {
  const id = await loseMerge();
  await passAndLook(onItsWayMs + 5 * secondMs);
  const [look] = (await shown(id)).looks;
  const token = await world.gateway.agentToken({ agent: "merger" });
  const own = await world.gateway.request("GET", `/sallyport/v1/calls/${id}`, { token });
  const asked = await world.gateway.request("GET", `/sallyport/v1/calls/${look?.callId}`, { token });
  assert.deepEqual([own.status === 404, asked.status], [false, 404]);
});

test("a stop also stops looks; the next one is made when it is cleared", async () => {
  const id = await loseMerge();
  const set = await world.gateway.people("operator", "POST", "/sallyport/v1/stops", { scope: { agent: "merger" }, reason: "odd merges" });
  assert.equal(set.status, 200, set.text);
  await passAndLook(onItsWayMs + 5 * secondMs);
  assert.deepEqual(await looksOf(id), []);
  const { body } = await world.gateway.people("viewer", "GET", "/sallyport/v1/stops");
  for (const stop of body["stops"] as readonly { readonly id: string }[])
    await world.gateway.people("operator", "DELETE", `/sallyport/v1/stops/${stop.id}`);
  await passAndLook(secondMs);
  assert.deepEqual(await looksOf(id), ["succeeded"]);
});

test("where the upstream or account is another one by now, its silence would prove nothing, so it is not asked", async () => {
  const id = await loseMerge();
  const { ports } = world.gateway.gateway;
  const catalogue = ports.catalogue();
  const moved: Catalogue = {
    ...catalogue,
    mounts: catalogue.mounts.map((mount) => ({
      ...mount,
      upstream: { ...mount.upstream, accountFor: new Map([["acme_co", { "user-agent": "somebody-else" }]]) },
    })),
  };
  const putBack = inject(ports, "catalogue", () => moved);
  const before = readsOf(pulls);
  await passAndLook(onItsWayMs + 5 * secondMs);
  putBack();
  assert.deepEqual([await looksOf(id), readsOf(pulls) - before], [[], 0]);
  await passAndLook(secondMs);
  assert.deepEqual(await looksOf(id), ["succeeded"]);
});

test("a child call whose arguments do not fit its own tool is not made", async () => {
  await world.gateway.gateway.ports.stops.refresh();
  const token = await world.gateway.agentToken({ run: "r_narrow" });
  const refund = (charge: string) => world.gateway.call("payments.refund", { charge, amount: 100 }, { token, key: `narrow-${charge}` });
  assert.equal((await refund("ch_1001")).status, 200);
  const sent = world.gateway.sandbox.requests().length;
  const refused = await refund("ch_2002");
  assert.deepEqual([refused.status, refused.body["code"]], [403, "ERR_PREVIEW_FAILED"]);
  assert.match(refused.body["message"] as string, /do not fit payments\.lookup_charge/);
  assert.equal(world.gateway.sandbox.requests().length, sent);
});

test("a look that fails is told, has no answer, and leaves the next one its turn", async () => {
  const id = await loseMerge();
  await github.close();
  await passAndLook(onItsWayMs + 5 * secondMs);
  const [look] = (await shown(id)).looks;
  assert.deepEqual([look?.state, look?.status, look?.answer], ["not_sent", null, null]);
  await passAndLook(60 * secondMs);
  assert.deepEqual([await looksOf(id), (await shown(id)).call.state], [["not_sent", "not_sent"], "unknown"]);
});
