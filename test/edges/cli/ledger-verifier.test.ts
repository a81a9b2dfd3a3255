import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { canonicalText, type Report, runVerifier, verifyLedger } from "../../../src/edges/cli/ledger-verifier.ts";
import { keyIdOf, verifierKeyText } from "../../../src/rules/checkpoint-note.ts";
import type { JsonObject } from "../../../src/rules/json.ts";
import { emptyHead, headAfter, type LedgerHead, sealEntries } from "../../../src/rules/sealing.ts";
import {
  checkpoint,
  entryOf,
  folder,
  foreign,
  head,
  lines,
  linesOf,
  name,
  noteFor,
  ours,
  publicBytes,
  rows,
  verifierKey,
  verifyBytes,
  verifyLines,
} from "../../support/sealed-ledger.ts";

const program = new URL("../../../src/edges/cli/ledger-verifier.ts", import.meta.url).pathname;
const soak = Boolean(process.env["SOAK"]);
const seed = Number(process.env["SEED"] ?? 20261122);

test("an honest ledger passes, as a file and as lines", async () => {
  const expected: Report = {
    ok: true,
    size: 10_000,
    head: head.hash,
    checked: 10_000,
    covered: 10_000,
    uncovered: 0,
    problems: [],
    problemCount: 0,
  };
  assert.deepEqual(await verifyLines(lines), expected);
  assert.deepEqual(await verifyBytes(Buffer.from(`${lines.join("\n")}\n`)), expected);
  assert.deepEqual(await verifyLedger({ entries: asyncly(lines), checkpoint, verifierKey: `${verifierKey}\n` }), expected);
  assert.deepEqual((await verifyLines([], noteFor(emptyHead))).ok, true);
});

async function* asyncly(items: readonly string[]): AsyncGenerator<string> {
  for (const item of items) yield item;
}

test("every single bit of a row and of a checkpoint matters", async () => {
  const few = lines.slice(0, 3);
  const note = noteFor(headAfter(emptyHead, rows.slice(0, 3)));
  const bytes = Buffer.from(`${few.join("\n")}\n`);
  assert.equal((await verifyBytes(bytes, note)).ok, true);
  let flips = 0;
  for (let bit = 0; bit < bytes.length * 8; bit += soak ? 1 : 23) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal((await verifyBytes(changed, note)).ok, false, `bit ${bit}`);
    flips += 1;
  }
  const noteBytes = Buffer.from(note);
  for (let bit = 0; bit < noteBytes.length * 8; bit += soak ? 1 : 3) {
    const changed = Buffer.from(noteBytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal((await verifyLines(few, changed.toString("utf8"))).ok, false, `note bit ${bit}`);
    flips += 1;
  }
  assert.ok(flips > 600, `${flips} flips`);
});

test("one change is reported once, with the number of its entry", async () => {
  const changed = lines.with(41, (lines[41] ?? "").replace("acme_co", "acme_ca"));
  const report = await verifyLines(changed);
  assert.deepEqual(
    report.problems.map((problem) => problem.seq),
    [42],
  );
  const deleted = await verifyLines(lines.toSpliced(41, 1));
  assert.deepEqual(
    deleted.problems.map((problem) => problem.seq),
    [43, 43],
  );
  assert.deepEqual(
    (await verifyLines(lines.with(41, "{"))).problems.map((problem) => problem.seq),
    [42],
  );
});

test("problems are counted to the end and listed up to a limit", async () => {
  const report = await verifyLines(lines.map((line) => `${line} `));
  assert.equal(report.problems.length, 100);
  assert.equal(report.problemCount, 10_001);
});

test("entries after the checkpoint are chained, and said to be not covered", async () => {
  const note = noteFor(headAfter(emptyHead, rows.slice(0, 9_990)));
  const honest = await verifyLines(lines, note);
  assert.deepEqual([honest.ok, honest.covered, honest.uncovered], [true, 9_990, 10]);
  const broken = await verifyLines(lines.toSpliced(9_995, 1), note);
  assert.equal(broken.ok, false);
  // The limit of what can be known, written down: after the last checkpoint nobody can tell.
  assert.equal((await verifyLines(lines.slice(0, 9_992), note)).ok, true);
});

test("a line that two readers could read in two ways is refused", async () => {
  const [row] = sealEntries(emptyHead, [{ a: 1, b: "x" }]);
  assert.ok(row);
  const good = JSON.stringify({ seq: 1, prev: row.prev, hash: row.hash, entry: row.entry });
  const note = noteFor({ size: 1, hash: row.hash });
  assert.equal((await verifyLines([good], note)).ok, true);
  assert.equal(
    (await verifyLines([JSON.stringify({ hash: row.hash, entry: row.entry, prev: row.prev, seq: 1 })], note)).ok,
    true,
    "the order of the four keys is free",
  );
  const bad: Record<string, string> = {
    "a duplicate key in the entry": good.replace('{"a":1', '{"a":2,"a":1'),
    "a duplicate seq": good.replace('{"seq":1', '{"seq":9,"seq":1'),
    "a space": good.replace('"a":1', '"a": 1'),
    "another spelling of a number": good.replace('"a":1', '"a":1.0'),
    "an exponent": good.replace('"a":1', '"a":1e0'),
    "an escape that is not needed": good.replace('"x"', '"\\u0078"'),
    "a fifth key": good.replace(/}$/, ',"more":1}'),
    "a missing key": good.replace(/,"hash":"[0-9a-f]+"/, ""),
    "a seq in quotes": good.replace('"seq":1', '"seq":"1"'),
    "a negative seq": good.replace('"seq":1', '"seq":-1'),
    "a seq beyond 2^53": good.replace('"seq":1', '"seq":9007199254740993'),
    "an upper-case hash": good.replace(row.hash, row.hash.toUpperCase()),
    "an entry that is a list": good.replace(/"entry":\{.*\}\}$/, '"entry":[]}'),
    "an entry that is null": good.replace(/"entry":\{.*\}\}$/, '"entry":null}'),
    "a lone surrogate": good.replace('"x"', '"\\ud800"'),
    infinity: good.replace('"a":1', '"a":1e400'),
    "a hundred thousand brackets": good.replace('"a":1', `"a":${"[".repeat(100_000)}${"]".repeat(100_000)}`),
    "a byte-order mark": `\ufeff${good}`,
    "two rows in one line": good + good,
    "an empty line": "",
    "a carriage return": `${good}\r`,
  };
  for (const [what, line] of Object.entries(bad)) {
    assert.notEqual(line, good, what);
    assert.equal((await verifyLines([line], note)).ok, false, what);
  }
  assert.equal(Object.keys(bad).length, 21);
});

test("a file whose last newline is missing was cut off", async () => {
  assert.equal((await verifyBytes(Buffer.from(lines.join("\n")))).ok, false);
  assert.equal((await verifyBytes(Buffer.from(`\n${lines.join("\n")}\n`))).ok, false);
});

test("a key or checkpoint that cannot be trusted is a problem, never a pass", async () => {
  const other = verifierKeyText("gw.example/other", publicBytes(ours));
  const cases: readonly (readonly [string, string, string])[] = [
    ["no checkpoint", "", verifierKey],
    ["no key", checkpoint, ""],
    ["garbage for a key", checkpoint, "garbage"],
    ["a key whose id is not its own", checkpoint, verifierKey.replace(/\+[0-9a-f]{8}\+/, "+00000000+")],
    ["a foreign key of the same name", checkpoint, verifierKeyText(name, publicBytes(foreign))],
    ["our key under another name", checkpoint, other],
    ["an unsigned checkpoint", `${checkpoint.split("\n\n")[0]}\n`, verifierKey],
    ["two checkpoints in one file", checkpoint + checkpoint, verifierKey],
    ["a checkpoint of another log", noteOf(`other\n${head.size}\n`), verifierKey],
    ["a checkpoint of size 0 with a hash", noteOf(`${name}\n0\n`), verifierKey],
    ["a checkpoint of a size that is not canonical", noteOf(`${name}\n0${head.size}\n`), verifierKey],
  ];
  for (const [what, note, key] of cases) {
    const report = await verifyLedger({ entries: lines.slice(0, 3), checkpoint: note, verifierKey: key });
    assert.equal(report.ok, false, what);
    assert.equal(report.covered, null, what);
  }
  assert.equal(cases.length, 11);
  const cosigned = checkpoint + noteFor(head, foreign, "witness.example/w").split("\n\n")[1];
  assert.equal((await verifyLines(lines, cosigned)).ok, true, "signatures of unknown keys are passed over");
});

/** A note of any text, truly signed by our key. */
function noteOf(start: string): string {
  const text = `${start}${Buffer.from(head.hash, "hex").toString("base64")}\n`;
  const raw = Buffer.concat([Buffer.from(keyIdOf(name, publicBytes(ours)), "hex"), sign(null, Buffer.from(text), ours)]);
  return `${text}\n— ${name} ${raw.toString("base64")}\n`;
}

test("the verifier's canonical form is that of RFC 8785, as the gateway writes it", (context) => {
  let runs = 0;
  const value = fc.oneof(
    { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 5 }) },
    fc.dictionary(
      fc.string({ unit: "binary" }),
      fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string({ unit: "binary" })),
    ),
    fc.constantFrom(0, -0, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 2 ** 53, Number("333333333.33333329"), 1e23),
    fc.constantFrom('\u0000\u001f\u007f\u0080\u2028"\\/\b\f\n\r\t', "😀\ue000", "\ufb33"),
  );
  fc.assert(
    fc.property(value, (each) => {
      assert.equal(canonicalText(each as JsonObject), canonicalize(each));
      runs += 1;
    }),
    { seed, numRuns: soak ? 50_000 : 2_000 },
  );
  assert.ok(runs >= 2_000);
  // Keys sort by UTF-16 units, so the emoji (d83d) comes before U+E000 and U+FB33 (RFC 8785 section 3.2.3).
  assert.equal(
    canonicalText({ "\ufb33": 1, "\ue000": 2, "😀": 3, "10": 4, "9": 5, "": 6 }),
    '{"":6,"10":4,"9":5,"😀":3,"\ue000":2,"\ufb33":1}',
  );
  for (const bad of ["\ud800", "\udc00x", Number.NaN, Number.POSITIVE_INFINITY]) assert.equal(canonicalText({ deep: [bad] }), null);
  context.diagnostic(`${runs} values compared`);
});

test("the verifier shares no code with the gateway: it imports nothing but Node", () => {
  const source = readFileSync(program, "utf8");
  const specifiers = Array.from(source.matchAll(/(?:from|import|require)\s*\(?\s*["'`]([^"'`]+)["'`]/g), (match) => match[1] ?? "");
  assert.ok(specifiers.length >= 4, `${specifiers.length} imports`);
  assert.deepEqual(
    specifiers.filter((each) => !each.startsWith("node:")),
    [],
  );
  assert.equal(/\bimport\s*\(|createRequire|getBuiltinModule/.test(source), false, "and loads nothing later");
});

test("run by itself, the program says what it found by its exit code", async () => {
  const files = {
    ledger: join(folder, "cli.jsonl"),
    checkpoint: join(folder, "latest"),
    key: join(folder, "ledger.pub"),
    bad: join(folder, "bad.jsonl"),
  };
  writeFileSync(files.ledger, `${lines.join("\n")}\n`);
  writeFileSync(files.bad, `${lines.slice(0, -1).join("\n")}\n`);
  writeFileSync(files.checkpoint, checkpoint);
  writeFileSync(files.key, `${verifierKey}\n`);
  const given = ["--checkpoint", files.checkpoint, "--key", files.key];
  const honest = await run(["--ledger", files.ledger, ...given]);
  assert.equal(honest.code, 0);
  assert.match(honest.output, /^OK: 10000 entries checked/m);
  const tampered = await run(["--ledger", files.bad, ...given, "--json"]);
  assert.equal(tampered.code, 1);
  assert.equal((JSON.parse(tampered.output) as Report).ok, false);
  const rowsOfUsage: readonly (readonly [readonly string[], number])[] = [
    [["--help"], 0],
    [[], 2],
    [["--ledger", files.ledger], 2],
    [["--ledger", join(folder, "nowhere"), ...given], 2],
    [["--ledger", files.ledger, "--checkpoint", join(folder, "nowhere"), "--key", files.key], 2],
    [["--ledger", files.ledger, ...given, "--unknown"], 2],
    [["--ledger", files.ledger, ...given, "extra"], 2],
    [["--ledger", files.bad, ...given], 1],
    [["--ledger", files.ledger, ...given], 0],
  ];
  for (const [argv, code] of rowsOfUsage) {
    let printed = "";
    assert.equal(await runVerifier(argv, (text) => (printed += text)), code, argv.join(" "));
    assert.notEqual(printed, "");
  }
  assert.equal(rowsOfUsage.length, 9);
});

function run(argv: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...argv], (_error, stdout) =>
      resolve({ code: child.exitCode ?? -1, output: stdout }),
    );
  });
}

test("a large ledger is read as a stream, in seconds", async (context) => {
  const size = soak ? 1_000_000 : 30_000;
  let at: LedgerHead = emptyHead;
  const sealed = function* () {
    for (let index = 0; index < size; index += 1) {
      const row = sealEntries(at, [entryOf(index, "large")]);
      at = headAfter(at, row);
      yield* linesOf(row);
    }
  };
  const path = join(folder, "large.jsonl");
  const all = Array.from(sealed());
  writeFileSync(path, `${all.join("\n")}\n`);
  const start = process.cpuUsage();
  const report = await verifyLedger({ entries: path, checkpoint: noteFor(at), verifierKey });
  const { user, system } = process.cpuUsage(start);
  const eachUs = (user + system) / size;
  context.diagnostic(`${size} entries, ${eachUs.toFixed(1)} µs of CPU each`);
  assert.deepEqual([report.ok, report.checked], [true, size]);
  // 100,000 entries in ten seconds; it takes one or two.
  assert.ok(eachUs < 100, `${eachUs} µs`);
});
