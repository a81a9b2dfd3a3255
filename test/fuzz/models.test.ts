import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { listTools, toolFormats } from "../../src/edges/http/list-tools.ts";
import { allowedMethods } from "../../src/edges/listener/allowed-methods.ts";
import type { Mount, Tool } from "../../src/rules/catalogue.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { atPointer, type JsonValue } from "../../src/rules/json.ts";
import { pointerTo, pointerTokens } from "../../src/rules/pointers.ts";
import { type Address, modelName, mountAt, routeByName, routeByPath } from "../../src/rules/routing.ts";
import { catalogueOf, contractOf, gateOf, mountOf, principalOf, toolOf } from "../rules/catalogue-samples.ts";
import { propertyRuns } from "../rules/property-runs.ts";

// Rules that work on what was read already, against the same rule written again in the slowest and plainest way.

const words = ["a", "a", "a", "a", "b", "b", "v1", "A", "a.b", "a%2Fb", "..", "é", "__proto__"] as const;
const segment = fc.constantFrom(...words);
const methods = ["GET", "GET", "GET", "POST"] as const;

const template = fc.array(
  fc.oneof({ weight: 3, arbitrary: segment }, { weight: 2, arbitrary: fc.constantFrom({ parameter: "p" }, { parameter: "q" }) }),
  { maxLength: 3 },
);
const tool = fc.record({ method: fc.constantFrom(...methods), template, rest: fc.boolean() });
const mount = fc.record({
  path: fc.array(segment, { maxLength: 2 }),
  port: fc.constantFrom(null, null, null, null, 9000),
  host: fc.constantFrom(null, null, null, "h.example", "H.example"),
  tools: fc.array(tool, { minLength: 1, maxLength: 5 }),
});
const address: fc.Arbitrary<Address> = fc.record({
  port: fc.constantFrom(null, null, null, null, 9000, 9001),
  host: fc.constantFrom(null, "h.example", "other", "h.example.evil"),
  segments: fc.array(segment, { maxLength: 5 }),
});

type Made = (typeof mount extends fc.Arbitrary<infer Value> ? Value : never)[];

const plainTool = toolOf();

function build(mounts: Made): readonly Mount[] {
  return mounts.map(({ path, port, host, tools }, at) => {
    const made = tools.map(({ method, template: parts, rest }, index): Tool => {
      const named = { ...plainTool, name: `m${at}.t${index}`, method, template: parts, upstream: `m${at}` };
      return rest
        ? { ...named, pass: { rest: true, requestBytesMax: 1, idleMs: 1, wholeMs: 1, onStop: "finish", usage: null, prices: [] } }
        : named;
    });
    return { ...mountOf(path, made, `m${at}`), port, host };
  });
}

const escape = (text: string): string => text.replaceAll(/[^a-z0-9]/gi, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
/** Segments as one text, in which no segment can pass for two. */
const flat = (segments: readonly string[]): string => segments.map((one) => `/${encodeURIComponent(one)}`).join("");

/** The mount of an address, by text: a host's own mount first, else the first of the file. */
function mountByText(mounts: readonly Mount[], { port, host, segments }: Address): Mount | null {
  const fitting = mounts.filter((one) => one.port === port && `${flat(segments)}/`.startsWith(`${flat(one.path)}/`));
  return fitting.find((one) => one.host !== null && one.host === host) ?? fitting.find((one) => one.host === null) ?? null;
}

/** The tool, by a regular expression for each template; the fewest open places win, and a tail that is open is the most open place. */
function toolByText(found: Mount, method: string, segments: readonly string[]): Tool | null {
  const rest = flat(segments.slice(found.path.length));
  const fitting = found.tools.filter((one) => {
    const parts = one.template.map((part) => (typeof part === "string" ? `/${escape(encodeURIComponent(part))}` : "/[^/]+"));
    return one.method === method && new RegExp(`^${parts.join("")}${one.pass === undefined ? "" : "(?:/[^/]+)+"}$`).test(rest);
  });
  const open = (one: Tool): readonly number[] => [
    one.pass === undefined ? 0 : 1,
    one.pass === undefined ? 0 : -one.template.length,
    new Set(one.template.flatMap((part) => (typeof part === "string" ? [] : [part.parameter]))).size,
  ];
  return (
    fitting.toSorted(
      (one, other) =>
        open(one)
          .map((value, at) => value - (open(other)[at] ?? 0))
          .find((difference) => difference !== 0) ?? 0,
    )[0] ?? null
  );
}

test("an address leads to the mount and the tool that a plain reading of the words says", (context) => {
  let led = 0;
  let routed = 0;
  fc.assert(
    fc.property(fc.array(mount, { minLength: 1, maxLength: 5 }), address, fc.constantFrom(...methods), (made, asked, method) => {
      const mounts = build(made);
      const catalogue = catalogueOf({ mounts });
      const expected = mountByText(mounts, asked);
      assert.equal(mountAt(catalogue, asked), expected);
      const route = routeByPath(catalogue, method, asked);
      const wanted = expected === null ? null : toolByText(expected, method, asked.segments);
      assert.equal(isDenial(route) ? null : route.tool, wanted);
      if (isDenial(route)) return;
      for (const value of Object.values(route.pathParameters)) assert.ok(asked.segments.includes(value));
      led += 1;
      routed += Object.keys(route.pathParameters).length;
    }),
    propertyRuns(context, 4000),
  );
  context.diagnostic(`${led} addresses led to a tool, with ${routed} parameters`);
  assert.ok(led > 200 && routed > 20);
});

test("the methods of an address are those of the templates that fit it", (context) => {
  let found = 0;
  const url = fc
    .tuple(fc.array(fc.constantFrom("a", "b", ":x", ":y"), { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([parts, open]) => `/${[...parts, ...(open ? ["*"] : [])].join("/")}`);
  const row = fc.record({ method: fc.constantFrom("GET", "POST", "PUT"), url: fc.oneof(url, fc.constant("*")) });
  const path = fc.array(fc.constantFrom("a", "b", "", "c", "%61"), { maxLength: 5 }).map((parts) => `/${parts.join("/")}`);
  fc.assert(
    fc.property(fc.array(row, { maxLength: 6 }), path, (rows, asked) => {
      const expected = rows
        .filter((one) => one.url !== "*" && new RegExp(`^${one.url.replaceAll(/:[xy]/g, "[^/]+").replace(/\*$/, ".*")}$`).test(asked))
        .map((one) => one.method);
      const told = allowedMethods(rows, asked);
      assert.deepEqual(told, [...new Set(expected)].toSorted());
      found += told.length;
    }),
    propertyRuns(context, 3000),
  );
  assert.ok(found > 200);
});

test("a pointer of any keys is read back as these keys, and finds what they name", (context) => {
  const key = fc.oneof(
    fc.constantFrom("", "/", "~", "~0", "~1", "~01", "0", "01", "__proto__", "length", "constructor"),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(key, { maxLength: 5 }), fc.jsonValue(), fc.nat(), (keys, document, turn) => {
      assert.deepEqual(pointerTokens(pointerTo(keys)), keys);
      assert.ok(
        atPointer(document as JsonValue, pointerTo(keys)) === undefined ||
          keys.every((one) => JSON.stringify(document).includes(JSON.stringify(one).slice(1, -1)) || /^[0-9]+$/.test(one)),
      );
      // Down a way that is there.
      const way: (string | number)[] = [];
      let here = document as JsonValue;
      while (typeof here === "object" && here !== null && Object.keys(here).length > 0) {
        const names = Object.keys(here);
        const name = names[turn % names.length] as string;
        way.push(Array.isArray(here) ? Number(name) : name);
        here = (here as Readonly<Record<string, JsonValue>>)[name] as JsonValue;
      }
      assert.deepEqual(atPointer(document as JsonValue, pointerTo(way)), here);
    }),
    propertyRuns(context, 3000),
  );
});

test("an agent is told the tools of its own contract alone, under names that can be called", (context) => {
  const agents = ["billing", "Billing", "intern"] as const;
  const tools = ["a.one", "a.two", "b.one", "b.two.three"].map(
    (name): Tool => ({ ...plainTool, name, upstream: name.split(".")[0] ?? "" }),
  );
  const contract = fc.record({
    agent: fc.constantFrom(...agents),
    tenant: fc.constantFrom("acme", "globex"),
    environment: fc.constantFrom("production", "staging"),
    names: fc.subarray([...tools.map(({ name }) => name), "gone.tool"]),
  });
  let listed = 0;
  fc.assert(
    fc.property(
      fc.array(contract, { maxLength: 4 }),
      fc.constantFrom(...agents),
      fc.constantFrom("acme", "globex"),
      fc.constantFrom("production", "staging"),
      (contracts, agent, tenant, environment) => {
        const catalogue = catalogueOf({
          tools: new Map(tools.map((one) => [one.name, one])),
          mounts: ["a", "b"].map((name) =>
            mountOf(
              [name],
              tools.filter((one) => one.upstream === name),
              name,
            ),
          ),
          contracts: contracts.map((one) =>
            contractOf({
              agent: one.agent,
              tenants: [one.tenant],
              environment: one.environment,
              gates: new Map(one.names.map((name) => [name, gateOf()])),
            }),
          ),
        });
        const own = contracts.find((one) => one.agent === agent && one.tenant === tenant && one.environment === environment);
        const expected = (own?.names ?? []).filter((name) => name !== "gone.tool").toSorted();
        for (const format of toolFormats) {
          const told = listTools(catalogue, principalOf({ agent, tenant, environment }), format) as readonly {
            readonly name?: string;
            readonly function?: { readonly name: string };
          }[];
          const names = told.map((one) => one.name ?? one.function?.name ?? "");
          assert.deepEqual(names, format === "openai" || format === "anthropic" ? expected.map(modelName) : expected);
          for (const name of names) assert.ok(!isDenial(routeByName(catalogue, name)), name);
          listed += names.length;
        }
      },
    ),
    propertyRuns(context, 500),
  );
  assert.ok(listed > 100);
});
