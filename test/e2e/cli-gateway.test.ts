import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { type Referee, startSandbox } from "../support/referee.ts";
import { runSallyport } from "../support/run-sallyport.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-cli-"));
let sandbox: Referee;
let gateway: GatewayProcess;

before(async () => {
  sandbox = await startSandbox();
  gateway = await startGatewayProcess({ upstreams: { payments: sandbox.url, tickets: sandbox.url, deploys: sandbox.url } });
});

after(async () => {
  await gateway.stop();
  await sandbox.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: readonly string[]) => runSallyport(args, { SALLYPORT_DATA: gateway.dataDir });

describe("held calls on the command line", () => {
  it("hold, show, approve and collect a call, and print JSON that parses", async () => {
    const refund = ["call", "payments.refund", "charge=ch_1002", "amount=50000", "--key", "cli-1", "--json"];
    const held = await run(...refund);
    assert.equal(held.code, 4, held.stderr);
    const id = parse(held.stdout)["call_id"];
    const holds = parse((await run("holds", "list", "--json")).stdout)["holds"] as readonly { id: string }[];
    assert.deepEqual(
      holds.map((hold) => hold.id),
      [id],
    );
    const shown = await run("holds", "show");
    for (const piece of [`call       ${String(id)}`, '{"charge":"ch_1002","amount":50000}', "before ", "finance 0/1", "binding"])
      assert.ok(shown.stdout.includes(piece), shown.stdout);
    const approved = await run("holds", "approve", String(id), "--reason", "talked to them", "--json");
    assert.equal((parse(approved.stdout)["call"] as { state: string }).state, "succeeded", approved.stderr);
    const again = await run(...refund);
    assert.equal(again.code, 0);
    assert.equal(parse(again.stdout)["replayed"], true);
    assert.equal(sandbox.effects("refund").length, 1);
  });

  it("reject a call, and the agent is told why", async () => {
    const refund = ["call", "payments.refund", "charge=ch_1002", "amount=20000", "--key", "cli-2"];
    assert.equal((await run(...refund)).code, 4);
    assert.equal((await run("holds", "reject", "latest", "--reason", "paid out in store")).code, 0);
    const { code, stdout } = await run(...refund);
    assert.equal(code, 1);
    assert.match(stdout, /REFUSED ERR_HOLD_REJECTED[\s\S]*paid out in store/);
  });

  it("do not vote for the latest of several: it may not be the one that was looked at", async () => {
    const keys = ["cli-4", "cli-5"];
    for (const [index, key] of keys.entries())
      await run("call", "payments.refund", "charge=ch_1002", `amount=${30_000 + index}`, "--key", key);
    const { code, stdout, stderr } = await run("holds", "approve", "latest", "--reason", "fine");
    assert.equal(code, 1, stdout);
    assert.match(stderr, /2 calls are waiting[\s\S]*300\.00 USD/);
    const held = parse((await run("holds", "list", "--json")).stdout)["holds"] as readonly { id: string; votes: readonly object[] }[];
    assert.deepEqual(
      held.map(({ votes }) => votes.length),
      [0, 0],
    );
    for (const { id } of held) assert.equal((await run("calls", "cancel", id, "--reason", "only a test")).code, 0);
  });

  it("cancel a held call", async () => {
    assert.equal((await run("call", "payments.refund", "charge=ch_1002", "amount=20001", "--key", "cli-3")).code, 4);
    const { code, stdout } = await run("calls", "cancel", "latest", "--reason", "asked twice");
    assert.equal(code, 0);
    assert.match(stdout, /is cancelled/);
  });
});

describe("the other commands on a running gateway", () => {
  it("set, list and clear a stop that ends by itself", async () => {
    const { stop } = parse((await run("stops", "set", "--run", "r_x", "--reason", "drill", "--expires", "1h", "--json")).stdout) as {
      stop: { id: string };
    };
    assert.match((await run("stops", "list")).stdout, new RegExp(`${stop.id} +run r_x +operator +in 59 min +drill`));
    assert.equal((await run("stops", "clear", stop.id)).code, 0);
    assert.match((await run("stops", "list")).stdout, /no stop is in force/);
  });

  it("a dry run proposes and changes nothing", async () => {
    const effects = sandbox.effects().length;
    const { code, stdout } = await run("call", "payments.refund", "charge=ch_1001", "amount=100", "--dry-run");
    assert.equal(code, 0);
    assert.match(stdout, /^200 proposal, nothing was executed/);
    assert.equal(sandbox.effects().length, effects);
  });

  it("write out what a terminal would obey", async () => {
    await run("stops", "set", "--run", "r_y", "--reason", "red \u001b[31mor\u202e not");
    const { stdout } = await run("stops", "list");
    assert.ok(stdout.includes("red \\u{1b}[31mor\\u{202e} not"), stdout);
    assert.equal((await run("stops", "clear", "latest")).code, 0);
  });

  it("export a ledger that verifies offline, and one changed letter does not", async () => {
    const file = join(folder, "ledger.jsonl");
    const checkpoint = join(folder, "checkpoint");
    // As an auditor would: the checkpoint was taken away first, so the export holds all that it covers.
    copyFileSync(join(gateway.dataDir, "checkpoints", "latest"), checkpoint);
    const exported = await run("ledger", "export", "--out", file);
    assert.match(exported.stdout, /^[1-9]\d* entries are in /);
    const offline = ["--ledger", file, "--checkpoint", checkpoint, "--key", join(gateway.dataDir, "checkpoints", "ledger.pub")];
    for (const args of [[], offline]) {
      const verified = await run("ledger", "verify", ...args);
      assert.equal(verified.code, 0, verified.stdout);
      assert.match(verified.stdout, /^OK: [1-9]\d* entries checked, [1-9]/m);
    }
    writeFileSync(file, readFileSync(file, "utf8").replace("acme_co", "acme_c0"));
    const tampered = await run("ledger", "verify", ...offline, "--json");
    assert.equal(tampered.code, 1);
    assert.equal(parse(tampered.stdout)["ok"], false);
  });
});

describe("what programs read", () => {
  const printers: readonly (readonly string[])[] = [
    ["whoami"],
    ["whoami", "--as", "auditor"],
    ["holds", "list"],
    ["calls", "list"],
    ["calls", "show"],
    ["runs", "list"],
    ["runs", "show", "r_cli"],
    ["stops", "list"],
    ["ledger", "verify"],
    ["check", "--dev"],
    ["check", "--dev", "--explain"],
    ["call", "payments.lookup_charge", "charge=ch_1001"],
  ];
  for (const args of printers) {
    it(`${args.join(" ")} --json prints one line of JSON`, async () => {
      const { code, stdout, stderr } = await run(...args, "--json");
      assert.equal(code, 0, stderr);
      assert.equal(stdout.indexOf("\n"), stdout.length - 1);
      assert.ok(Object.keys(parse(stdout)).length > 0);
    });
  }
});

describe("runs on the command line", () => {
  it("open one, call in it with its token, and find it in the list", async () => {
    const opened = await run("runs", "open", "--ttl", "5m", "--json");
    assert.equal(opened.code, 0, opened.stderr);
    const { run: id, token } = parse(opened.stdout) as { run: string; token: string };
    const data = { SALLYPORT_DATA: gateway.dataDir, SALLYPORT_TOKEN: token };
    const called = await runSallyport(["call", "payments.lookup_charge", "charge=ch_1001"], data);
    assert.equal(called.code, 0, called.stdout);
    const runs = parse((await run("runs", "list", "--json")).stdout)["runs"] as readonly { run: string; calls: number }[];
    assert.deepEqual(
      runs.filter((one) => one.run === id).map(({ calls }) => calls),
      [1],
    );
    const again = await runSallyport(["runs", "open"], data);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /ERR_RUN_TOKEN/);
    assert.equal((await run("runs", "open", "--ttl", "2h")).code, 2);
    assert.match((await run("runs", "open", "--token-only")).stdout, /^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/);
  });
});

describe("a stop of the gateway", () => {
  it("answers the call on its way, then exits with 0 and takes its address back", async () => {
    const other = await startGatewayProcess({ upstreams: { payments: sandbox.url } });
    await sandbox.setFault({ method: "GET", path_prefix: "/v1/charges/ch_1003", mode: "slow", delay_ms: 700 });
    const data = { SALLYPORT_DATA: other.dataDir };
    const call = runSallyport(["call", "payments.lookup_charge", "--args", '{"charge":"ch_1003"}'], data);
    await sandbox.waitForRequest(({ url }) => url.includes("ch_1003"), 10_000);
    // As Ctrl-C arrives under npm: from the terminal, and once more from npm.
    for (const signal of ["SIGINT", "SIGINT", "SIGTERM"] as const) process.kill(other.pid, signal);
    const ending = await other.stop();
    assert.deepEqual(ending, { code: 0, signal: null }, other.stderr());
    const { code, stdout } = await call;
    assert.equal(code, 0, stdout);
    assert.equal((await runSallyport(["whoami", "--url", other.agentsUrl], data)).code, 3);
  });

  it("is not waited for after a second signal", async () => {
    const other = await startGatewayProcess({ upstreams: { payments: sandbox.url } });
    await sandbox.setFault({ method: "GET", path_prefix: "/v1/charges/ch_1004", mode: "hang" });
    const call = runSallyport(["call", "payments.lookup_charge", "--args", '{"charge":"ch_1004"}'], { SALLYPORT_DATA: other.dataDir });
    await sandbox.waitForRequest(({ url }) => url.includes("ch_1004"), 10_000);
    process.kill(other.pid, "SIGTERM");
    const deadline = Date.now() + 5_000;
    while (!other.stderr().includes("stopping") && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
    const again = setInterval(() => process.kill(other.pid, "SIGINT"), 100);
    const ending = await other.ended;
    clearInterval(again);
    assert.equal(ending.code, 1);
    assert.ok(Date.now() < deadline, "it waited for the call that hangs");
    await call;
    await sandbox.clearFaults();
  });
});

function parse(text: string): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}
