import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { runSallyport } from "../support/run-sallyport.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sallyport-cli-"));
const config = join(root, "config", "gateway.yaml");
let gateway: GatewayProcess;

before(async () => {
  gateway = await startGatewayProcess();
});

after(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Every command line is run with the gateway's data folder, so that it finds gateway and keys. */
const run = (...args: readonly string[]) => runSallyport(args, { SALLYPORT_DATA: gateway.dataDir });

interface Mistake {
  readonly args: () => readonly string[];
  readonly env?: () => Readonly<Record<string, string>>;
  readonly exit: 1 | 2 | 3;
  /** Every piece is in what the program says. */
  readonly says: readonly string[];
}

const mistake = (exit: Mistake["exit"], says: readonly string[], ...args: readonly string[]): Mistake => ({ exit, says, args: () => args });

const mistakes: readonly Mistake[] = [
  // Wrong usage.
  mistake(2, ["unknown command 'serv'", "Did you mean serve?"], "serv"),
  mistake(2, ["Did you mean approve?"], "holds", "aprove", "latest"),
  mistake(2, ["missing required argument 'tool'"], "call"),
  mistake(2, ["Did you mean --key?"], "call", "payments.refund", "--kye", "k"),
  mistake(2, ["--reason"], "holds", "approve", "latest"),
  mistake(2, ["--reason"], "holds", "reject", "latest"),
  mistake(2, ["say what to stop", "--all"], "stops", "set", "--reason", "drill"),
  mistake(2, ["no other scope"], "stops", "set", "--all", "--agent", "a", "--reason", "drill"),
  mistake(2, ["--expires must be like"], "stops", "set", "--all", "--reason", "drill", "--expires", "soon"),
  mistake(2, ["0 to 65535"], "serve", "--agents-port", "70000"),
  mistake(2, ["0 to 65535"], "serve", "--people-port", "8080x"),
  mistake(2, ["--demo needs --dev"], "serve", "--demo"),
  mistake(2, ["--upstream needs --dev"], "serve", "--upstream", "payments=http://127.0.0.1:1"),
  mistake(2, ["name=http://"], "serve", "--dev", "--upstream", "payments"),
  { ...mistake(2, ["SALLYPORT_KILL_AT needs --dev"], "serve"), env: () => ({ SALLYPORT_KILL_AT: "before_socket_write:0" }) },
  mistake(2, ["--agent and --tenant"], "token", "--agent", "a"),
  mistake(2, ["not both"], "token", "--agent", "a", "--tenant", "t", "--person", "viewer"),
  mistake(2, ["1s to 24h"], "token", "--agent", "a", "--tenant", "t", "--ttl", "2d"),
  mistake(2, ["--ttl must be like"], "token", "--person", "viewer", "--ttl", "soon"),
  mistake(2, ["nobody in development is called mallory", "approver"], "token", "--person", "mallory"),
  mistake(2, ["key=value"], "call", "payments.lookup_charge", "ch_1001"),
  mistake(2, ["charge is given twice"], "call", "payments.lookup_charge", "charge=ch_1001", "charge=ch_1002"),
  mistake(2, ["one JSON object"], "call", "payments.lookup_charge", "--args", "[1]"),
  mistake(2, ["not both"], "call", "payments.lookup_charge", "charge=ch_1001", "--args", "{}"),
  mistake(2, ["Allowed choices"], "calls", "list", "--state", "lost"),
  mistake(2, ["1 to 1000"], "calls", "list", "--limit", "0"),
  mistake(2, ["Allowed choices"], "calls", "reconcile", "c_1", "--outcome", "unknown", "--reason", "guessed"),
  mistake(2, ["is not a URL"], "whoami", "--url", "localhost"),
  // Refused.
  mistake(1, ["no configuration", "--config"], "serve", "--config", "nowhere.yaml"),
  { exit: 1, says: ["another gateway is using", "--data"], args: () => ["serve", "--dev", "--agents-port", "0", "--people-port", "0"] },
  {
    exit: 1,
    says: ["is taken by another program", "--agents-port"],
    args: () => ["serve", "--dev", "--data", join(folder, "ports"), "--people-port", "0", "--agents-port", new URL(gateway.agentsUrl).port],
  },
  { exit: 1, says: ["was not made by a demo", "--keep"], args: () => ["serve", "--dev", "--demo", "--data", makeStrangersFolder()] },
  { exit: 1, says: ["loopback address under --dev", "gateway.yaml:"], args: () => ["serve", "--dev", "--config", writeOpenConfig()] },
  {
    exit: 1,
    says: ["2 problems", "gateway.yaml:", "did you mean policy_zone?", "billing-dispute.yaml:", "rates[0].limit"],
    args: () => ["serve", "--dev", "--config", writeBadConfig()],
  },
  {
    exit: 1,
    says: ["the policy bundle is not what", "contract.rego", "extra.rego", "policy build"],
    args: () => ["serve", "--dev", "--data", join(folder, "stale"), "--config", writeStaleConfig()],
  },
  { exit: 1, says: ["no development keys", "npm start"], args: () => ["token", "--person", "viewer", "--data", join(folder, "empty")] },
  mistake(1, ["no call c_none"], "holds", "show", "c_none"),
  mistake(1, ["no call is waiting"], "holds", "approve", "latest", "--reason", "fine"),
  mistake(1, ["ERR_ROLE", "--as"], "stops", "set", "--all", "--reason", "drill", "--as", "viewer"),
  mistake(1, ["no stop s_none is in force"], "stops", "clear", "s_none"),
  mistake(1, ["no stop is in force"], "stops", "clear", "latest"),
  mistake(1, ["no call c_none"], "calls", "reconcile", "c_none", "--outcome", "failed", "--reason", "asked them"),
  mistake(1, ["no run r_none"], "runs", "show", "r_none"),
  mistake(1, ["the checkpoint nowhere cannot be read"], "ledger", "verify", "--checkpoint", "nowhere"),
  mistake(1, ["REFUSED ERR_TOOL_UNKNOWN"], "call", "payments.steal", "amount=1"),
  mistake(1, ["REFUSED ERR_CONTRACT_NONE"], "call", "payments.lookup_charge", "charge=ch_1001", "--as", "nobody"),
  // Sent as typed: read and written again it would be another, smaller number.
  mistake(
    1,
    ["REFUSED ERR_", "NOT executed"],
    "call",
    "payments.refund",
    "--args",
    '{"charge":"ch_1001","amount":9007199254740993}',
    "--key",
    "k",
  ),
  mistake(
    1,
    ["REFUSED ERR_", "NOT executed"],
    "call",
    "payments.refund",
    "--args",
    '{"charge":"ch_1001","amount":1,"amount":2}',
    "--key",
    "k",
  ),
  mistake(1, ["REFUSED ERR_ARGUMENTS_INVALID", "/amount"], "call", "payments.refund", "charge=ch_1001", "amount=lots", "--key", "k"),
  { ...mistake(1, ["ERR_TOKEN_MALFORMED"], "whoami"), env: () => ({ SALLYPORT_TOKEN: "not a token" }) },
  {
    ...mistake(1, ["REFUSED ERR_TOKEN_MALFORMED"], "call", "payments.lookup_charge", "--args", "{}"),
    env: () => ({ SALLYPORT_TOKEN: "x" }),
  },
  // Nobody there. Port 1 is never a gateway.
  mistake(3, ["cannot reach the gateway at http://127.0.0.1:1", "npm start"], "whoami", "--url", "http://127.0.0.1:1"),
  mistake(3, ["cannot reach the gateway"], "holds", "list", "--url", "http://127.0.0.1:1"),
  mistake(3, ["cannot reach the gateway"], "call", "payments.lookup_charge", "charge=ch_1001", "--url", "http://127.0.0.1:1"),
];

function makeStrangersFolder(): string {
  const strangers = join(folder, "strangers");
  mkdirSync(strangers, { recursive: true });
  writeFileSync(join(strangers, "thesis.txt"), "do not delete");
  return strangers;
}

function writeBadConfig(): string {
  const edit = {
    "config/gateway.yaml": swap("policy_zone: UTC", "policy_zoen: UTC"),
    "config/contracts/billing-dispute.yaml": swap("limit: 60/min", "limit: often"),
  };
  return writeDemoConfig(join(folder, "bad"), { edit });
}

function writeOpenConfig(): string {
  return writeDemoConfig(join(folder, "open"), {
    edit: { "config/gateway.yaml": swap("agents: { host: 127.0.0.1", "agents: { host: 0.0.0.0") },
  });
}

function writeStaleConfig(): string {
  const place = join(folder, "stale-config");
  const edit = {
    "policies/contract.rego": (text: string) => `${text}# changed\n`,
    "policies/extra.rego": () => "package policies.extra\n",
  };
  cpSync(join(root, "policies"), join(place, "policies"), { recursive: true });
  return writeDemoConfig(place, { edit });
}

describe("a mistake is told in a line or two, with its exit code", { concurrency: 4 }, () => {
  assert.ok(mistakes.length >= 50, `${mistakes.length} cases`);
  for (const { args, env, exit, says } of mistakes) {
    it(`${exit}: ${says.join(", ")}`, async () => {
      const ran = await runSallyport(args(), { SALLYPORT_DATA: gateway.dataDir, ...env?.() });
      const said = `${ran.stdout}${ran.stderr}`;
      assert.equal(ran.code, exit, said);
      for (const piece of says) assert.ok(said.includes(piece), `should say ${piece}, said:\n${said}`);
      assert.doesNotMatch(said, /^\s+at /m, "a stack trace is for nobody");
      if (exit !== 1) assert.equal(ran.stdout, "", "what goes wrong is not output");
    });
  }
});

describe("a folder that is not a demo's", () => {
  it("is refused and left as it was", async () => {
    const strangers = makeStrangersFolder();
    const ran = await run("serve", "--dev", "--demo", "--data", strangers);
    assert.equal(ran.code, 1);
    assert.deepEqual(readdirSync(strangers), ["thesis.txt"]);
  });
});

const commands = [
  "serve",
  "check",
  "policy build",
  "policy check",
  "policy test",
  "opa install",
  "token",
  "whoami",
  "call",
  "holds list",
  "holds show",
  "holds approve",
  "holds reject",
  "calls list",
  "calls show",
  "calls cancel",
  "calls reconcile",
  "runs list",
  "runs show",
  "stops set",
  "stops clear",
  "stops list",
  "ledger export",
  "ledger verify",
];

describe("every command", { concurrency: 4 }, () => {
  for (const command of commands) {
    it(`${command} has help with an example of itself`, async () => {
      const ran = await run(...command.split(" "), "--help");
      assert.equal(ran.code, 0);
      assert.match(ran.stdout, new RegExp(`Examples?:\\n  sallyport ${command}`));
    });
  }

  it("is in the help of the program, with the exit codes", async () => {
    const { stdout, code } = await run("--help");
    assert.equal(code, 0);
    for (const group of new Set(commands.map((command) => command.split(" ")[0] ?? "")))
      assert.match(stdout, new RegExp(`^  ${group} `, "m"));
    assert.match(stdout, /0 done; 1 refused or failed; 2 wrong usage; 3 .* 4/);
  });
});

describe("check", () => {
  it("is content with the demo's configuration and counts what it read", async () => {
    const { code, stdout } = await run("check", "--dev", "--config", config);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^OK: .*[1-9]\d* route files, [1-9]\d* tools, [1-9]\d* contracts/m);
  });

  it("explains what happens to each agent's calls", async () => {
    const { code, stdout } = await run("check", "--dev", "--explain");
    assert.equal(code, 0);
    assert.match(stdout, /billing-dispute-v3 +acme_co +production +payments\.refund +up to 100\.00 USD alone, beyond that finance/);
  });

  it("prints every problem with its place and exits 1", async () => {
    const { code, stdout } = await run("check", "--dev", "--config", writeBadConfig());
    assert.equal(code, 1);
    assert.match(stdout, /gateway\.yaml:\d+:\d+ .*policy_zoen/);
    assert.match(stdout, /billing-dispute\.yaml:\d+:\d+ rates\[0\]\.limit/);
  });
});
