import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isDenial } from "../../src/rules/denial.ts";
import { readQuery, readScalar, type ScalarType } from "../../src/rules/query.ts";
import { propertyRuns } from "./property-runs.ts";

const declared: ReadonlyMap<string, ScalarType> = new Map([
  ["q", "string"],
  ["limit", "integer"],
  ["rate", "number"],
  ["all", "boolean"],
  ["a[b]", "string"],
  ["é", "string"],
]);

const taken: readonly (readonly [string, object])[] = [
  ["", {}],
  ["q=", { q: "" }],
  ["q=x", { q: "x" }],
  ["q=a+b", { q: "a b" }],
  ["q=a%20b", { q: "a b" }],
  ["q=a%2Bb", { q: "a+b" }],
  ["q=a%2bb", { q: "a+b" }],
  ["q=a=b==", { q: "a=b==" }],
  ["q=%26%3D%23%3F", { q: "&=#?" }],
  ["q=/?:@", { q: "/?:@" }],
  ["q=%C3%A9", { q: "é" }],
  ["%C3%A9=1", { é: "1" }],
  ["%71=1", { q: "1" }],
  ["a%5Bb%5D=1", { "a[b]": "1" }],
  ["q=01", { q: "01" }],
  ["limit=0", { limit: 0 }],
  ["limit=-1", { limit: -1 }],
  ["limit=9007199254740991", { limit: 9007199254740991 }],
  ["rate=0.5", { rate: 0.5 }],
  ["rate=1e-7", { rate: 1e-7 }],
  ["rate=3", { rate: 3 }],
  ["all=true", { all: true }],
  ["all=false&limit=10&q=x", { all: false, limit: 10, q: "x" }],
  ["q=%00", { q: "\u0000" }],
  ["q=%253D", { q: "%3D" }],
];

const refused: readonly string[] = [
  "q",
  "=x",
  "=",
  "&",
  "q=x&",
  "&q=x",
  "q=x&&limit=1",
  "+=x",
  "q=x&q=x",
  "q=x&%71=y",
  "limit=1&limit=2",
  "x=1",
  "Q=1",
  "LIMIT=1",
  "q[]=1",
  "q[a]=1",
  "q.a=1",
  "q%00=1",
  "+q=1",
  "q+=1",
  "__proto__=1",
  "constructor=1",
  "toString=1",
  "q=%",
  "q=%4",
  "q=%zz",
  "q=%u0041",
  "q=%FF",
  "q=%C0%AF",
  "q=%ED%A0%80",
  "q=%E2%82",
  "%FF=1",
  "q=é",
  "q=a b",
  "q=a\tb",
  "q=a\nb",
  "q=\u0000",
  "q=a;limit=1",
  "q=a#b",
  "q=[x]",
  "q={x}",
  'q="x"',
  "q=a\\b",
  "q=a|b",
  "?q=x",
  "limit=",
  "limit=01",
  "limit=+1",
  "limit=%2B1",
  "limit=-0",
  "limit=1.0",
  "limit=1.5",
  "limit=1e3",
  "limit=0x10",
  "limit=1_0",
  "limit=1,0",
  "limit=%201",
  "limit=1+",
  "limit=9007199254740992",
  "limit=NaN",
  "limit=Infinity",
  "limit=true",
  "limit=null",
  "limit=%D9%A1",
  "limit=%EF%BC%91",
  "rate=1.50",
  "rate=.5",
  "rate=1.",
  "rate=1E-7",
  "rate=0.0000001",
  "rate=1e400",
  "rate=-Infinity",
  "rate=NaN",
  "rate=0.1000000000000000055511151231257827",
  "all=",
  "all=TRUE",
  "all=True",
  "all=1",
  "all=yes",
  "all=true+",
];

test("declared parameters are read as their types", () => {
  for (const [raw, expected] of taken) assert.deepEqual(readQuery(raw, declared), expected, raw);
  assert.equal(taken.length, 25);
});

test("everything else is refused", (context) => {
  for (const raw of refused) {
    const read = readQuery(raw, declared);
    assert.ok(isDenial(read) && read.denied === "ERR_QUERY_INVALID", JSON.stringify(raw));
  }
  context.diagnostic(`${refused.length} queries refused`);
  assert.ok(refused.length >= 75);
});

test("a declared name that is forbidden is refused all the same", () => {
  assert.ok(isDenial(readQuery("__proto__=x", new Map([["__proto__", "string"]]))));
});

test("what URLSearchParams writes is read back", (context) => {
  const text = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(text, fc.maxSafeInteger(), fc.boolean(), (q, limit, all) => {
      const raw = new URLSearchParams({ q, limit: String(limit), all: String(all) }).toString();
      assert.deepEqual(readQuery(raw, declared), { q, limit: limit === 0 ? 0 : limit, all });
    }),
    propertyRuns(context, 2_000),
  );
});

test("each scalar has one spelling", (context) => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.double().map(String), fc.integer().map(String), fc.stringMatching(/^[-+0-9.eE ]{1,8}$/)),
      (text) => {
        for (const type of ["integer", "number", "boolean"] as const) {
          const value = readScalar(text, type);
          assert.ok(value === null || JSON.stringify(value) === text, `${type} ${text}`);
        }
      },
    ),
    propertyRuns(context, 5_000),
  );
});
