import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isDenial } from "../../src/rules/denial.ts";
import { isPlainSegment, readPath, splitTarget } from "../../src/rules/paths.ts";
import { encodePercent } from "../../src/rules/percent.ts";
import { propertyRuns } from "./property-runs.ts";

const taken: readonly (readonly [string, readonly string[]])[] = [
  ["/", []],
  ["/v1", ["v1"]],
  ["/v1/refunds", ["v1", "refunds"]],
  ["/v1/refunds/re_1-2.3~x", ["v1", "refunds", "re_1-2.3~x"]],
  ["/a/b/c/d/e/f", ["a", "b", "c", "d", "e", "f"]],
  ["/..a", ["..a"]],
  ["/a..b", ["a..b"]],
  ["/...", ["..."]],
  ["/.well-known", [".well-known"]],
  ["/users/a@b.example", ["users", "a@b.example"]],
  ["/users/a%40b.example", ["users", "a@b.example"]],
  ["/x:generate", ["x:generate"]],
  ["/x%3Agenerate", ["x:generate"]],
  ["/a%20b", ["a b"]],
  ["/a+b", ["a+b"]],
  ["/%C3%A9", ["é"]],
  ["/%F0%9F%98%80", ["😀"]],
  ["/100%25", ["100%"]],
  ["/50%25off", ["50%off"]],
  ["/a,b=c&d!$'()*", ["a,b=c&d!$'()*"]],
];

const refused: readonly string[] = [
  "",
  "*",
  "v1/refunds",
  "http://other.example/v1",
  "https://other.example/",
  "//other.example/v1",
  "/\\other.example",
  "other.example:443",
  "//",
  "/v1/",
  "/v1//refunds",
  "/v1///refunds",
  "/.",
  "/..",
  "/./v1",
  "/v1/.",
  "/v1/../admin",
  "/v1/..",
  "/%2e",
  "/%2E",
  "/%2e%2e/admin",
  "/%2E%2E/admin",
  "/.%2e/admin",
  "/%2e./admin",
  "/v1%2frefunds",
  "/v1%2Frefunds",
  "/..%2fadmin",
  "/..%2Fadmin",
  "/v1\\refunds",
  "/v1%5crefunds",
  "/v1%5Crefunds",
  "/..\\admin",
  "/..%5Cadmin",
  "/v1;x=1",
  "/v1/..;/admin",
  "/v1%3Bx",
  "/v1%3bx",
  "/v1#frag",
  "/v1%23frag",
  "/v1?x=1",
  "/v1%3Fx",
  "/%00",
  "/v1%00.json",
  "/v1\u0000",
  "/v1%0A",
  "/v1%0D%0AHost:x",
  "/v1\n",
  "/v1\t",
  "/v1%7F",
  "/v1%C2%85",
  "/%252e%252e/admin",
  "/%252F",
  "/%255C",
  "/%2541",
  "/%25252e",
  "/%c0%ae",
  "/%C0%AE%C0%AE/admin",
  "/%C0%AF",
  "/%E0%80%AF",
  "/%F0%80%80%AF",
  "/%ED%A0%80",
  "/%F4%90%80%80",
  "/%FF",
  "/%C3",
  "/%c3%a9",
  "/%C3%a9",
  "/%41dmin",
  "/%61dmin",
  "/%7Euser",
  "/%2D",
  "/%5F",
  "/%30",
  "/%",
  "/%4",
  "/%4G",
  "/%u0041",
  "/%%41",
  "/v1 refunds",
  " /v1",
  "/v1 ",
  "/é",
  "/\u00c3\u00a9",
  '/"',
  "/<x>",
  "/[x]",
  "/{x}",
  "/a|b",
  "/a^b",
  "/a`b",
  // Look-alikes that a server may map to ASCII: full-width slash, dots, one-dot and two-dot leaders, a/c.
  "/%EF%BC%8F",
  "/%EF%BC%8E%EF%BC%8E/admin",
  "/%E2%80%A4%E2%80%A4/admin",
  "/%E2%80%A5/admin",
  "/%E2%84%80",
  "/%EF%BC%BCadmin",
  "/%EF%BC%852e",
];

test("canonical paths are read into decoded segments", () => {
  for (const [raw, segments] of taken) assert.deepEqual(readPath(raw), segments, raw);
  assert.equal(taken.length, 20);
});

test("every other spelling is refused", (context) => {
  for (const raw of refused) {
    const read = readPath(raw);
    assert.ok(isDenial(read) && read.denied === "ERR_PATH_NOT_CANONICAL", JSON.stringify(raw));
  }
  context.diagnostic(`${refused.length} spellings refused`);
  assert.ok(refused.length >= 60);
});

test("a path that is taken survives a URL parser, and a second decoding, unchanged", (context) => {
  const piece = fc.oneof(
    fc.constantFrom(
      "a",
      ".",
      "..",
      "/",
      "%2E",
      "%2F",
      "%5C",
      "%25",
      "%41",
      "%3A",
      ":",
      "@",
      ";",
      "#",
      "\\",
      "%C3%A9",
      "%00",
      "é",
      "%EF%BC%8F",
      "%20",
    ),
    fc.string({ unit: "binary-ascii", maxLength: 3 }),
  );
  let read = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const segments = readPath(`/${pieces.join("")}`);
      if (isDenial(segments)) return;
      read += 1;
      const path = `/${segments.map(encodePercent).join("/")}`;
      assert.equal(new URL(`https://host.example${path}`).pathname, path);
      assert.deepEqual(readPath(path), segments);
      for (const segment of segments) assert.doesNotMatch(segment, /[/\\]|^\.{1,2}$|%[0-9a-f]{2}/i);
    }),
    propertyRuns(context, 5_000),
  );
  context.diagnostic(`${read} paths taken`);
  assert.ok(read > 500);
});

test("a plain segment is one segment for every server", () => {
  for (const segment of ["a", "a b", "é", "100%", "a:b", "...", "x.y"]) assert.equal(isPlainSegment(segment), true, segment);
  for (const segment of [
    "",
    ".",
    "..",
    "a/b",
    "a\\b",
    "a;b",
    "a?b",
    "a#b",
    "%2e",
    "a%41",
    "\n",
    "\u0085",
    "\ud800",
    "\u2025",
    "a\uff0fb",
  ]) {
    assert.equal(isPlainSegment(segment), false, JSON.stringify(segment));
  }
});

test("a target is split at its first question mark", () => {
  assert.deepEqual(splitTarget("/a"), { path: "/a", query: "" });
  assert.deepEqual(splitTarget("/a?"), { path: "/a", query: "" });
  assert.deepEqual(splitTarget("/a?x=1?y"), { path: "/a", query: "x=1?y" });
});
