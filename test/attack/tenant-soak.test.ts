import assert from "node:assert/strict";
import { createPrivateKey, randomInt, randomUUID, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { writeDemoConfig } from "../support/demo-config.ts";
import { startGateway, type TestAnswer, type TestGateway } from "../support/gateway.ts";
import { agents, type Echoed, environments, ids, randomsOf, soakEdits, startEcho, tenants, texts, unfitIds } from "./tenant-soak-world.ts";

// Fifty tenants do random things at once, with ids that some layer might fold, cut or join. Each tenant's own small model says what every answer must be; a
// counter, hold, key, run or answer that crossed would make some model wrong.

const soak = process.env["SOAK"] !== undefined;
const opsOfTenant = soak ? 200 : 8;
const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));

const ratePerHour = soak ? 30 : 3;
const budgetOfAgent = soak ? 24 : 3;
const budgetOfTenant = soak ? 50 : 4;

let world: TestGateway;
let folder = "";
let echo: Server;
const echoed: Echoed[] = [];
let mint: (claims: object) => string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-soak-"));
  echo = await startEcho(echoed);
  const configFile = writeDemoConfig(folder, { edit: soakEdits(echo, { ratePerHour, budgetOfAgent, budgetOfTenant }) });
  world = await startGateway({ configFile });
  const key = createPrivateKey(readFileSync(join(world.dataDir, "dev", "agents.pem")));
  const part = (value: string): string => Buffer.from(value).toString("base64url");
  const header = part(Buffer.from((await world.agentToken()).split(".")[0] ?? "", "base64url").toString("utf8"));
  mint = (claims) => {
    const iat = Math.floor(Date.now() / 1000);
    const input = `${header}.${part(JSON.stringify({ iss: world.dev.agentIssuer.issuer, aud: "sallyport", iat, exp: iat + 7200, jti: randomUUID(), ...claims }))}`;
    return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  };
});
after(async () => {
  await world.close();
  echo.closeAllConnections();
  echo.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Subject {
  readonly agent: string;
  readonly environment: string;
  readonly user: string | null;
  readonly run: string;
}

interface Known {
  readonly id: string;
  readonly args: string;
  readonly subject: Subject;
  state: "held" | "done" | "cancelled";
}

/** What one tenant's own history says. */
interface Model {
  readonly tenant: string;
  /** Units that are used for good, and those that holds bind, by budget. */
  readonly used: Map<string, number>;
  readonly held: Map<string, number>;
  readonly rates: Map<string, number>;
  readonly keys: Map<string, Known>;
  readonly calls: Known[];
  readonly stops: { readonly id: string; readonly run: string; readonly agent: string }[];
  readonly token: (subject: Subject) => string;
  executed: number;
}

const nameOf = (...parts: readonly unknown[]): string => JSON.stringify(parts);
const count = (map: Map<string, number>, name: string, more = 0): number => {
  const sum = (map.get(name) ?? 0) + more;
  map.set(name, sum);
  return sum;
};
const budgetsOf = ({ agent, environment }: Subject): readonly (readonly [string, number])[] => [
  [nameOf("agent", environment, agent), budgetOfAgent],
  [nameOf("tenant", environment), budgetOfTenant],
];

/** Every call id with its tenant, across all models: an id must never be told to two. */
const owners = new Map<string, string>();
const played = new Map<string, number>();
let foreign: readonly (readonly [string, string])[] = [];

function note(op: string): void {
  played.set(op, (played.get(op) ?? 0) + 1);
}

/** One call, and what the tenant's own history says must come of it. */
async function call(
  model: Model,
  subject: Subject,
  tool: "echo.read" | "echo.write" | "echo.hold",
  text: string,
  key: string | null,
): Promise<void> {
  const { tenant, keys, rates, used, held, stops } = model;
  const args = JSON.stringify([tool, text]);
  const owner = key === null ? "" : nameOf(subject.agent, subject.environment, subject.user, key);
  const known = keys.get(owner);
  const earlier = known !== undefined && known.args === args ? known : undefined;
  const rate = nameOf(subject.environment, subject.agent);
  const fits = budgetsOf(subject).every(([name, limit]) => {
    const [taken, bound] = [count(used, name), count(held, name)];
    return taken + bound < limit && (tool !== "echo.hold" || bound < Math.floor(limit / 2));
  });
  const stopped = stops.some(({ run, agent }) => run === subject.run && agent === subject.agent);
  const limited = count(rates, rate) >= ratePerHour;
  if (!stopped && !limited) count(rates, rate, 1);
  const expected =
    earlier !== undefined
      ? "replay"
      : stopped
        ? "ERR_STOPPED"
        : limited
          ? "ERR_RATE_LIMITED"
          : known !== undefined
            ? "ERR_KEY_REUSED"
            : fits
              ? "new"
              : "ERR_BUDGET_WINDOW";
  const answer = await world.call(tool, { text, whose: tenant }, { token: model.token(subject), ...(key === null ? {} : { key }) });
  const where = `seed ${seed}, ${tenant} ${nameOf(subject, tool, key)}: ${expected} expected, got ${answer.status} ${answer.text}`;
  note(expected);
  if (expected === "replay") return assertReplay(model, earlier as Known, answer, where);
  if (expected !== "new") return assert.equal(answer.body["code"], expected, where);
  const made = { id: idOf(model, answer), args, subject, state: tool === "echo.hold" ? "held" : "done" } as const satisfies Known;
  assert.equal(answer.status, made.state === "held" ? 202 : 200, where);
  if (made.state === "done") assertOwn(model, answer, where);
  for (const [name] of budgetsOf(subject)) count(made.state === "held" ? held : used, name, 1);
  model.calls.push(made);
  if (key !== null) keys.set(owner, model.calls.at(-1) as Known);
}

function idOf({ tenant }: Model, answer: TestAnswer): string {
  const id = answer.headers.get("sallyport-call-id") ?? "";
  assert.ok(!owners.has(id), `${id} was told to ${owners.get(id)} and to ${tenant}`);
  owners.set(id, tenant);
  return id;
}

function assertOwn(model: Model, answer: TestAnswer, where: string): void {
  model.executed += 1;
  assert.equal(answer.body["tenant"], model.tenant, where);
}

function assertReplay({ tenant }: Model, earlier: Known, answer: TestAnswer, where: string): void {
  assert.equal(answer.headers.get("sallyport-call-id"), earlier.id, where);
  if (earlier.state === "held") assert.equal(answer.status, 202, where);
  else if (earlier.state === "cancelled") assert.equal(answer.body["code"], "ERR_CALL_CANCELLED", where);
  else assert.deepEqual([answer.body["tenant"], answer.headers.get("sallyport-replayed")], [tenant, "true"], where);
}

type Random = (below: number) => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)] as T;
/** The first ones far more often, so that runs, users and keys meet again. */
const pickSkewed = <T>(random: Random, from: readonly T[]): T =>
  from[Math.min(random(from.length), random(from.length), random(from.length))] as T;

async function endHeld(model: Model, random: Random): Promise<void> {
  const open = model.calls.filter(({ state }) => state === "held");
  if (open.length === 0) return;
  const one = pick(random, open);
  const { subject } = one;
  const token = model.token(subject);
  const approve = random(2) === 0 && !model.stops.some(({ run, agent }) => run === subject.run && agent === subject.agent);
  note(approve ? "approve" : "cancel");
  for (const [name] of budgetsOf(subject)) count(model.held, name, -1);
  if (!approve) {
    const answer = await world.request("DELETE", `/sallyport/v1/calls/${one.id}`, { token });
    assert.equal(answer.body["status"], "cancelled", answer.text);
    one.state = "cancelled";
    return;
  }
  for (const [name] of budgetsOf(subject)) count(model.used, name, 1);
  const vote = await world.approve("approver", one.id);
  assert.equal(vote.status, 200, vote.text);
  const answer = await world.request("GET", `/sallyport/v1/calls/${one.id}`, { token, headers: { prefer: "wait=10" } });
  assertOwn(model, answer, `seed ${seed}: ${model.tenant} approved, ${answer.text}`);
  one.state = "done";
}

async function peek(model: Model, subject: Subject, random: Random): Promise<void> {
  const others = foreign.filter(([, tenant]) => tenant !== model.tenant);
  if (others.length === 0) return;
  note("peek");
  const [id] = pick(random, others);
  const method = random(2) === 0 ? "GET" : "DELETE";
  const answer = await world.request(method, `/sallyport/v1/calls/${id}`, { token: model.token(subject) });
  assert.equal(answer.body["code"], "ERR_CALL_NOT_FOUND", `seed ${seed}: ${model.tenant} asked for ${id}: ${answer.text}`);
}

async function toggleStop(model: Model, subject: Subject): Promise<void> {
  note("stop");
  const set = model.stops.pop();
  if (set !== undefined) return void (await world.people("operator", "DELETE", `/sallyport/v1/stops/${set.id}`));
  const scope = { tenant: model.tenant, run: subject.run, agent: subject.agent };
  const answer = await world.people("operator", "POST", "/sallyport/v1/stops", { scope, reason: "soak" });
  assert.ok(answer.status < 300, answer.text);
  model.stops.push({ id: (answer.body["stop"] as { id: string }).id, run: subject.run, agent: subject.agent });
}

async function unfit(model: Model, subject: Subject, random: Random): Promise<void> {
  note("unfit");
  const bad = pick(random, unfitIds);
  const place = pick(random, ["run", "user", "tenant", "environment", "workflow"]);
  const claims = { sub: subject.agent, tenant: model.tenant, run: subject.run, environment: subject.environment, [place]: bad };
  const answer = await world.call("echo.read", { text: "x", whose: model.tenant }, { token: mint(claims) });
  assert.equal(answer.status, 401, `seed ${seed}: ${place} ${JSON.stringify(bad).slice(0, 50)}: ${answer.text}`);
}

async function live(model: Model, random: Random): Promise<void> {
  for (let op = 0; op < opsOfTenant; op += 1) {
    const user = random(4) > 0 ? null : pickSkewed(random, ids);
    const subject: Subject = {
      agent: pickSkewed(random, agents),
      environment: pickSkewed(random, environments),
      user,
      run: pickSkewed(random, ids),
    };
    const key = random(5) === 0 ? null : `key-${random(2)}`;
    const dice = random(20);
    if (dice < 5) await call(model, subject, "echo.read", pick(random, texts), null);
    else if (dice < 11) await call(model, subject, "echo.write", pickSkewed(random, texts), key);
    else if (dice < 14) await call(model, subject, "echo.hold", pick(random, texts), `hold-${op}`);
    else if (dice < 16) await endHeld(model, random);
    else if (dice < 18) await peek(model, subject, random);
    else if (dice < 19) await toggleStop(model, subject);
    else await unfit(model, subject, random);
    foreign = [...owners];
  }
}

it(`fifty tenants never meet (seed ${seed})`, { timeout: 3_600_000 }, async (context) => {
  assert.equal(new Set(tenants).size, 50);
  const models = tenants.map((tenant): Model => {
    const minted = new Map<string, string>();
    const token = (subject: Subject): string => {
      const { agent, environment, user, run } = subject;
      const name = nameOf(agent, environment, user, run);
      const made =
        minted.get(name) ??
        mint({ sub: agent, tenant, run, ...(environment === "production" ? {} : { environment }), ...(user === null ? {} : { user }) });
      minted.set(name, made);
      return made;
    };
    const maps = { used: new Map(), held: new Map(), rates: new Map(), keys: new Map() };
    return { tenant, ...maps, calls: [], stops: [], token, executed: 0 };
  });
  await Promise.all(models.map((model, at) => live(model, randomsOf(seed + at))));
  for (const { by, account, whose } of echoed) assert.deepEqual([by, account], [whose, `{tenant}/${whose}`], `seed ${seed}`);
  for (const { tenant, executed, calls } of models) {
    assert.equal(echoed.filter(({ by }) => by === tenant).length, executed, `seed ${seed}: ${tenant}`);
    const listed = (await world.gateway.ports.calls.list({ tenant, limit: 1000 })).filter(({ state }) => state !== "denied");
    assert.deepEqual(new Set(listed.map(({ id }) => id)), new Set(calls.map(({ id }) => id)), `seed ${seed}: ${tenant}`);
  }
  await assertLedger();
  const metrics = await (await fetch(`${world.gateway.peopleUrl}/metrics`)).text();
  assert.ok(!/x{62}|acme_co|hasownproperty/.test(metrics), "a metric names a tenant");
  context.diagnostic(
    `${models.length} tenants x ${opsOfTenant}: ${[...played].map(([name, times]) => `${name} ${times}`).join(", ")}; upstream ${echoed.length}, crossed 0`,
  );
  // Eight turns of fifty tenants leave the rarer ones to chance.
  const sure = [
    "new",
    "ERR_RATE_LIMITED",
    "ERR_BUDGET_WINDOW",
    "peek",
    "stop",
    "unfit",
    ...(soak ? ["replay", "approve", "cancel", "ERR_KEY_REUSED", "ERR_STOPPED"] : []),
  ];
  for (const name of sure) assert.ok((played.get(name) ?? 0) > 0, `${name} never happened`);
});

/** Every entry that names a call is of the tenant that was told the call's id. */
async function assertLedger(): Promise<void> {
  const { ledger } = world.gateway.ports;
  let seen = 0;
  for (let from = 1; ; from += 1000) {
    const entries = await ledger.read(from, 1000);
    if (entries.length === 0) break;
    for (const { entry } of entries) {
      const { call: id, tenant } = entry as { call?: string; tenant?: string };
      if (id === undefined || !owners.has(id)) continue;
      seen += 1;
      assert.equal(tenant, owners.get(id), id);
    }
  }
  assert.ok(seen >= owners.size, `${seen} entries of ${owners.size} calls`);
}
