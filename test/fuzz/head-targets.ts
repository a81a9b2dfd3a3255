import assert from "node:assert/strict";
import { readAgentToken, tokenHeaderOf } from "../../src/rules/agent-token.ts";
import type { TokenPlace } from "../../src/rules/catalogue.ts";
import { checkContentType } from "../../src/rules/content-type.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { readDryRun, readHeaders, readHost, readIdempotencyKey, readPrefer } from "../../src/rules/headers.ts";
import { plainMediaType } from "../../src/rules/media-types.ts";
import { encodePassTarget } from "../../src/rules/pass-target.ts";
import { readPath, splitTarget } from "../../src/rules/paths.ts";
import { encodePercent } from "../../src/rules/percent.ts";
import { checkHead } from "../../src/rules/request-head.ts";
import type { Target } from "./engine.ts";

const latin = (input: Uint8Array): string => Buffer.from(input).toString("latin1");

const paths = [
  "/",
  "/a",
  "/payments/v1/charges/ch_1",
  "/a/%C3%A9",
  "/a%20b",
  "/a:b@c+d",
  "//",
  "/a//b",
  "/a/../b",
  "/.",
  "/a/%2e%2e/b",
  "/a/%2F",
  "/a%5Cb",
  "/%25 2e",
  "/a;b",
  "a",
  "",
  "/%FF",
  "/%ef%bc%8f",
];
const pathWords = [
  "/",
  "..",
  ".",
  "%2F",
  "%2e",
  "%2E",
  "%5C",
  "%25",
  "%252F",
  ";",
  "?",
  "#",
  "%00",
  "%C3%A9",
  "%EF%BC%8F",
  "%E2%80%A4",
  "\\",
  "a",
  "~",
  "%7E",
  "+",
  "@",
  ":",
];

const path: Target = {
  name: "path reader",
  corpus: paths,
  words: pathWords,
  stretched: [(size) => "/a".repeat(size / 2), (size) => `/${"%C3%A9".repeat(size / 6)}`, (size) => `/${"a".repeat(size)}`],
  run(input) {
    const raw = latin(input);
    const segments = readPath(raw);
    if (isDenial(segments)) return segments.denied;
    // A browser's reader changes nothing of it, so nobody behind us sees another path.
    assert.equal(new URL(`http://h${raw}`).pathname, raw);
    assert.deepEqual(segments, raw === "/" ? [] : raw.slice(1).split("/").map(decodeURIComponent));
    for (const segment of segments) {
      assert.ok(!["", ".", ".."].includes(segment) && !/[/\\;?#\p{Cc}]/u.test(segment.normalize("NFKC")), segment);
      assert.ok(!/%[0-9a-f]{2}/i.test(segment), "it would decode once more");
    }
    assert.deepEqual(readPath(`/${segments.map(encodePercent).join("/")}`), segments);
    return "taken";
  },
};

const passTarget: Target = {
  name: "target of a request that is passed through",
  corpus: [
    "/v1/chat/completions",
    "/v1/models/x:generate?alt=sse",
    "/a?b=c&d=%20",
    "/a?token=x",
    "/a?x",
    "/a?%5f_proto__=1",
    "/a?b=%25%32%30",
    "/a?b=c+d",
  ],
  words: [...pathWords, "&", "=", "?a=b", "token=", "API_KEY=", "_method=", "%61"],
  stretched: [(size) => `/a?${"b=c&".repeat(size / 4)}b=c`, (size) => `/a?b=${"%C3%A9".repeat(size / 6)}`],
  run(input) {
    const { path: rawPath, query } = splitTarget(latin(input));
    const segments = readPath(rawPath);
    if (isDenial(segments)) return segments.denied;
    const target = encodePassTarget("https://up.example/base", segments, query);
    if (isDenial(target)) return target.denied;
    const url = new URL(target.url);
    assert.equal(url.href, target.url, "a browser's reader would send it elsewhere");
    assert.ok(url.origin === "https://up.example" && url.pathname.startsWith("/base") && url.hash === "");
    assert.deepEqual(url.pathname.split("/").slice(2).map(decodeURIComponent), segments);
    assert.deepEqual([...url.searchParams], [...new URL(`http://h/?${query}`).searchParams]);
    for (const name of url.searchParams.keys())
      assert.ok(!/^(?:token|secret|password|key|api_?key|access_?token|_method|__proto__)$/i.test(name), name);
    return "taken";
  },
};

/** Lines of `name: value`, as the wire has them: names in lower case, every value kept. */
function headersOf(input: Uint8Array): ReadonlyMap<string, readonly string[]> {
  const headers = new Map<string, string[]>();
  for (const line of latin(input).split("\n")) {
    const at = line.indexOf(":");
    if (at < 1) continue;
    const [name, value] = [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [value]);
    else values.push(value);
  }
  return headers;
}

const headerCorpus = [
  "host: a.example\nauthorization: Bearer e30.e30.e30\ncontent-type: application/json\nidempotency-key: k1",
  'host: a:8080\nauthorization: bearer x\nidempotency-key: "q"\nprefer: wait=10, respond-async\nsallyport-dry-run: true',
  "x-api-key: abc\nx-declared: v",
  "authorization: Basic YTpi\ncookie: x",
  "authorization: Basic c2tfdGVzdDo=\nx-declared: a\nx-declared: b",
  "authorization: Bearer a\nauthorization: Bearer b",
  "x-stainless-os: Linux\nx-forwarded-for: 1\ncontent-encoding: identity",
  "content-encoding: gzip\nx-unknown: 1",
];
const headerWords = [
  "\n",
  ": ",
  "authorization: ",
  "Bearer ",
  "Basic ",
  "x-api-key: ",
  "x-declared: ",
  "idempotency-key: ",
  "prefer: wait=",
  "sallyport-dry-run: ",
  "true",
  '"',
  ",",
].concat([
  "YTpi",
  "c2tfdGVzdDo=",
  "content-type: application/json",
  "; charset=utf-8",
  "\t",
  "\u0000",
  "é",
  "host: ",
  "cookie: x\n",
  "respond-async",
  "=",
  "proxy-authorization: ",
]);
const places: readonly TokenPlace[] = [
  { in: "bearer" },
  { in: "header", name: "x-api-key" },
  { in: "basic", part: "username" },
  { in: "basic", part: "password" },
];

const headers: Target = {
  name: "header rules",
  corpus: headerCorpus,
  words: headerWords,
  stretched: [
    (size) => `authorization: Basic ${"YTpi".repeat(size / 4)}`,
    (size) => `prefer: ${"wait=1,".repeat(size / 7)}`,
    (size) => `x-declared: ${"a ".repeat(size / 2)}`,
  ],
  run(input, dice) {
    const given = headersOf(input);
    const place = dice.pick(places);
    const outcomes: string[] = [];
    const token = readAgentToken(given, place);
    if (isDenial(token)) outcomes.push(token.denied);
    else {
      const [value = "", ...more] = given.get(tokenHeaderOf(place)) ?? [];
      assert.ok(more.length === 0 && token.token !== "" && !/[\s,]/.test(token.token));
      const decoded = place.in === "basic" ? Buffer.from(value.slice(6), "base64").toString("latin1") : value;
      assert.ok(decoded.includes(token.token), "a token that nobody sent");
      for (const other of ["authorization", "proxy-authorization", "cookie", "x-api-key"])
        assert.ok(other === tokenHeaderOf(place) || !given.has(other), `two credentials: ${other}`);
      outcomes.push("a token");
    }
    const meant = readHeaders(given, ["x-declared"], tokenHeaderOf(place));
    if (isDenial(meant)) outcomes.push(meant.denied);
    else {
      assert.ok(Object.keys(meant).every((name) => name === "x-declared"));
      for (const [name, value] of Object.entries(meant)) assert.deepEqual([given.get(name), /^[\x20-\x7e]+$/.test(value)], [[value], true]);
      for (const name of ["authorization", "idempotency-key", "sallyport-dry-run", "prefer", "host"])
        assert.ok((given.get(name) ?? []).length < 2, `${name} stands twice`);
    }
    const key = readIdempotencyKey(given);
    if (typeof key === "string")
      assert.ok(/^[\x21\x23-\x7e]{1,255}$/.test(key) && given.get("idempotency-key")?.[0]?.includes(key) === true);
    const dryRun = readDryRun(given);
    assert.equal(dryRun === false, !given.has("sallyport-dry-run"), "a wish for a dry run was overheard");
    const { waitSeconds, canWait } = readPrefer(given);
    assert.ok(Number.isInteger(waitSeconds) && waitSeconds >= 0 && waitSeconds <= 9999 && (canWait || waitSeconds === 0));
    const host = readHost(given);
    assert.ok(host === null || (given.get("host")?.length === 1 && host === host.toLowerCase()));
    return outcomes.join(" ");
  },
};

const contentType: Target = {
  name: "content type",
  corpus: [
    "application/json",
    "Application/JSON; charset=UTF-8",
    "application/json;charset=utf-8",
    "application/json; charset=utf-8; x=1",
    "text/plain",
    "application/x-www-form-urlencoded",
    " application/json",
    "image/svg+xml",
    "text/html; charset=iso-8859-1",
  ],
  words: [
    "application/json",
    ";",
    " ",
    "\t",
    "charset=utf-8",
    "charset=utf-7",
    '"',
    ",",
    "\n",
    "boundary=x",
    "+json",
    "application/x-www-form-urlencoded",
    "\u0000",
  ],
  stretched: [
    (size) => `application/json${"; charset=utf-8".repeat(size / 15)}`,
    (size) => `text/${"a+".repeat(size / 2)}json`,
    (size) => `${";".repeat(size)}charset`,
  ],
  run(input, dice) {
    const value = latin(input);
    const kind = dice.pick(["json", "form"] as const);
    const essence = { json: "application/json", form: "application/x-www-form-urlencoded" }[kind];
    const plain = plainMediaType(value);
    // A type that is kept for ever says nothing in a stranger's words.
    assert.match(plain ?? "", /^(?:application|text|image|audio|video)\/[a-z0-9.+-]{2,25}(?:; charset=(?:utf-8|us-ascii|iso-8859-1))?$/);
    if (checkContentType([value], kind) !== null) return "refused";
    const [type = "", ...parameters] = value.toLowerCase().split(";");
    assert.ok(type === essence && parameters.length < 2 && (parameters[0] ?? "charset=utf-8").replace(/^ /, "") === "charset=utf-8", value);
    assert.notEqual(checkContentType([value, value], kind), null, "two of them");
    return "taken";
  },
};

const head: Target = {
  name: "request head",
  corpus: [
    "GET / 1.1\nHost: a",
    "POST /a 1.1\nHost: a:80\nContent-Length: 5",
    "POST /a 1.1\nHost: [::1]\nTransfer-Encoding: chunked",
    "POST / 1.1\nHost: a\nContent-Length: 5\nTransfer-Encoding: chunked",
    "GET / 1.0\n",
    "GET * 1.1\nHost: a",
    "POST / 1.1\nHost: a\nHost: b",
    "GET / 1.1\nHost: a\nX-HTTP-Method: PUT",
    "GET / 1.1\nHost: a\nContent-Length: 1",
    "POST / 1.1\nHost: a\nContent_Length: 1",
  ],
  words: [
    "\n",
    ": ",
    "Host: ",
    "Content-Length: ",
    "Transfer-Encoding: ",
    "chunked",
    ", chunked",
    "Expect: 100-continue",
    "Upgrade: h2c",
    " 1.1",
    "0",
    "00",
    "+1",
    "1e1",
    "X-HTTP-Method-Override: A",
    "_",
    "Content-Encoding: gzip",
    "identity",
    "\t",
    ";",
    "[::1]",
  ],
  stretched: [
    (size) => `GET / 1.1\nHost: ${"a.".repeat(size / 2)}`,
    (size) => `GET / 1.1\n${"a: b\n".repeat(size / 5)}`,
    (size) => `GET / 1.1\n${"-".repeat(size)}content-length: 1`,
  ],
  run(input) {
    const [first = "", ...lines] = latin(input).split("\n");
    const [method = "", target = "", version = ""] = first.split(" ");
    const rawHeaders = lines.flatMap((line) => [line.split(":", 1)[0] ?? "", line.slice(line.indexOf(":") + 1).trim()]);
    const denial = checkHead({ method, target, version, rawHeaders }, { headersMax: 100, bodyBytesMax: 1000 });
    if (denial !== null) return denial.denied;
    const all = (name: string): readonly string[] =>
      rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
    const [lengths, codings, hosts] = [all("content-length"), all("transfer-encoding"), all("host")];
    assert.ok(lengths.length + codings.length < 2, "two framings");
    assert.ok(
      lengths.every((one) => String(Number(one)) === one && Number(one) <= 1000) && codings.every((one) => one.toLowerCase() === "chunked"),
    );
    assert.ok(hosts.length === 1 || (hosts.length === 0 && version === "1.0"));
    assert.ok(target.startsWith("/") && rawHeaders.length <= 200);
    const strange = rawHeaders.filter((name, at) => at % 2 === 0 && /[^a-z0-9-]|^x-(?:http-method|original-url|rewrite-url)$/i.test(name));
    assert.deepEqual(strange, []);
    return "taken";
  },
};

export const headTargets: readonly Target[] = [path, passTarget, headers, contentType, head];
