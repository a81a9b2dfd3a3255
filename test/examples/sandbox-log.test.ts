import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { EffectKind } from "../../examples/sandbox/answers.ts";
import { startSandbox } from "../support/referee.ts";
import { acme, host, idOf, itemsOf, json, makeFolder, refund, refundedOf, type Sent, send, serverFile, start } from "./sandbox-client.ts";

test("the log has each request as it came: headers in order and repeated, body and digest", async (t) => {
  const referee = await start(t);
  const raw = [...host, ...acme, ...json, "X-Twice", "one", "x-twice", "two"];
  const body = '{"charge":"ch_1001","amount":1, "reason":"caf\u00e9"}';
  await send(referee, refund(0, { rawHeaders: raw, body }));
  const [line] = referee.requests();
  assert.deepEqual([line?.seq, line?.method, line?.url, line?.body], [1, "POST", "/v1/refunds", body]);
  assert.equal(line?.body_sha256, createHash("sha256").update(body).digest("hex"));
  const expected = raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1]]] : []));
  assert.deepEqual(line?.headers.slice(0, expected.length), expected);
});

test("bytes that are not HTTP, and bodies that break off, are in the log too", async (t) => {
  const referee = await start(t);
  const head = `POST /v1/refunds HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 50\r\n\r\n{"charge"`;
  const rows = [
    { bytes: "GARBAGE\r\n\r\n", fits: (line: { unreadable?: string }) => line.unreadable?.startsWith("HPE_") === true },
    { bytes: "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", fits: (line: { unreadable?: string }) => line.unreadable === "CONNECT" },
    { bytes: head, fits: (line: { cut?: string; body: string }) => line.cut === "aborted" && line.body === '{"charge"' },
  ];
  for (const row of rows) {
    const socket = connect(Number(new URL(referee.url).port), "127.0.0.1");
    socket.on("error", () => undefined).resume();
    socket.end(row.bytes);
    await referee.waitForRequest(row.fits);
    socket.destroy();
  }
  assert.equal(referee.requests().length, 3);
  assert.equal(referee.effects().length, 0);
});

test("the control's own view of the log is the file, and asking for it is not logged", async (t) => {
  const referee = await start(t);
  await send(referee, refund(5));
  const got = await send(referee, { path: "/_control/effects" });
  const file = readFileSync(join(referee.dataDir, "effects.jsonl"), "utf8").trimEnd().split("\n");
  assert.equal(file.length, 2);
  assert.deepEqual(
    itemsOf(got),
    file.map((line) => JSON.parse(line) as unknown),
  );
});

test("a refund that was answered survives kill -9, and so does its key", async (t) => {
  const dataDir = makeFolder(t);
  const first = await start(t, { dataDir });
  const made: Sent[] = [
    refund(2_500, { key: "once" }),
    { path: "/v1/tickets", body: '{"subject":"a","text":"b"}' },
    { path: "/v1/tickets/tk_3001/replies", body: '{"text":"c"}' },
    { path: "/v1/deploys", body: '{"service":"a","version":"1"}' },
  ];
  const answers = await Promise.all(made.map((sent) => send(first, sent)));
  const seen = ["/v1/charges", "/v1/refunds", "/v1/tickets", "/v1/deploys"];
  const before = await Promise.all(seen.map((path) => send(first, { path })));
  await first.kill();
  const second = await start(t, { dataDir });
  const after = await Promise.all(seen.map((path) => send(second, { path })));
  assert.deepEqual(
    after.map((got) => got.text),
    before.map((got) => got.text),
  );
  const again = await send(second, refund(2_500, { key: "once" }));
  assert.deepEqual([again.text, again.headers["idempotent-replayed"]], [answers[0]?.text, "true"]);
  assert.equal(await refundedOf(second), 2_500);
  const kinds: EffectKind[] = ["refund", "ticket", "reply", "deploy"];
  assert.deepEqual(
    kinds.map((kind) => second.effects(kind).length),
    [1, 1, 1, 1],
  );
});

test("kill -9 in the middle of load loses no answered refund, and the books equal the log", async (t) => {
  const dataDir = makeFolder(t);
  const answered: string[] = [];
  let referee = await start(t, { dataDir });
  for (let round = 1; round <= 3; round += 1) {
    const wanted = answered.length + 20 * round;
    const worker = async () => {
      for (;;) {
        const got = await send(referee, refund(1, {}, "ch_1006"));
        if (got.cut !== "" || got.status === null) return;
        answered.push(idOf(got));
        if (answered.length === wanted) void referee.kill();
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    await referee.kill();
    referee = await start(t, { dataDir });
    const logged = referee.effects("refund").map((line) => line.effect.id);
    assert.ok(answered.length >= wanted);
    assert.deepEqual(
      answered.filter((id) => !logged.includes(id)),
      [],
    );
    assert.equal(new Set(logged).size, logged.length);
    assert.equal(await refundedOf(referee, "ch_1006"), logged.length);
  }
});

test("a torn last line is cut off, and numbers go on without a gap", async (t) => {
  const dataDir = makeFolder(t);
  const first = await start(t, { dataDir });
  await send(first, refund(5));
  await first.kill();
  appendFileSync(join(dataDir, "effects.jsonl"), '{"seq":2,"at_ms":17');
  assert.equal(first.requests().length, 1);
  const second = await start(t, { dataDir });
  await send(second, refund(5));
  assert.deepEqual(
    second.requests().map((line) => line.seq),
    [1, 2],
  );
  assert.equal(second.effects("refund").length, 2);
});

test("with --no-log-reads a GET leaves no line, and a POST still does", async (t) => {
  const referee = await start(t, { logReads: false });
  assert.equal((await send(referee, { path: "/v1/charges" })).status, 200);
  assert.equal((await send(referee, refund(5))).status, 200);
  assert.equal(await refundedOf(referee), 5);
  assert.deepEqual(
    referee.requests().map((line) => line.method),
    ["POST"],
  );
});

test("the process ends on SIGTERM with 0, and when its parent lets go of standard input", async (t) => {
  const dataDir = makeFolder(t);
  for (const [args, end] of [
    [[], (child: ReturnType<typeof spawn>) => child.kill("SIGTERM")],
    [["--exit-with-parent"], (child: ReturnType<typeof spawn>) => child.stdin?.end()],
  ] as const) {
    const child = spawn(process.execPath, [serverFile, "--port", "0", "--data", dataDir, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    t.after(() => child.kill("SIGKILL"));
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    assert.match(line.toString("utf8"), /^\{"ready":true,"url":"http:\/\/127\.0\.0\.1:\d+"\}\n$/);
    const gone = once(child, "exit");
    end(child);
    assert.deepEqual(await gone, [0, null]);
  }
});

test("wrong options end with 2 and a sentence, and --help with 0", async () => {
  const rows: [string[], number][] = [
    [["--help"], 0],
    [["--port", "x"], 2],
    [["--port", "65536"], 2],
    [["--tls-key", "only.pem"], 2],
    [["--nonsense"], 2],
  ];
  const codes = rows.map(async ([args]) => {
    const child = spawn(process.execPath, [serverFile, ...args], { stdio: ["ignore", "ignore", "ignore"] });
    const [code] = (await once(child, "exit")) as [number];
    return code;
  });
  assert.deepEqual(
    await Promise.all(codes),
    rows.map(([, code]) => code),
  );
});

test("a stopped sandbox leaves no folder behind", async () => {
  const referee = await startSandbox();
  assert.ok(existsSync(referee.dataDir));
  await referee.stop();
  await referee.stop();
  assert.equal(existsSync(referee.dataDir), false);
});

test("with a key and certificate it speaks HTTPS only", async (t) => {
  const folder = makeFolder(t);
  const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost"];
  try {
    execFileSync("openssl", [...made, "-keyout", keyFile, "-out", certFile], { stdio: "ignore" });
  } catch {
    return t.skip("openssl is not installed");
  }
  const referee = await start(t, { tls: { keyFile, certFile } });
  assert.equal(await refundedOf(referee), 0);
  await referee.setFault({ path_prefix: "/v1/refunds", mode: "reset_before", act: true });
  assert.equal((await send(referee, refund(5))).status, null);
  assert.equal(await refundedOf(referee), 5);
  const plain = await send({ url: referee.url.replace("https:", "http:") }, refund(5));
  assert.equal(plain.status, null);
  assert.equal(referee.effects("refund").length, 1);
});
