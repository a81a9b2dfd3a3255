import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { loadPolicy, noPolicy } from "../../../src/adapters/rego-wasm/load-policy.ts";
import { deny, isDenial } from "../../../src/rules/denial.ts";
import { packBundle, shippedBundle } from "./bundles.ts";
import { makeInput, seeded } from "./inputs.ts";
import { makeStandIn } from "./stand-in.ts";

const rego = (head: string, body: string): string => `package ${head}\n\n${body}\n`;
const denying = 'deny contains {"rule": "no"} if input.tool.name == "x"';

test("a sound bundle loads, with the SHA-256 of its bytes as digest", () => {
  const policy = loadPolicy(packBundle());
  assert.ok(!isDenial(policy), JSON.stringify(policy));
  assert.match(policy.digest, /^[0-9a-f]{64}$/);
});

/** What is changed in a sound bundle, and what the refusal says. */
const refused: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["no gzip", Uint8Array.of(1, 2, 3), /not a gzip/],
  ["an empty file", new Uint8Array(), /not a gzip/],
  ["gzip of nothing", gzipSync(new Uint8Array()), /end mark/],
  ["no wasm", packBundle({ "policy.wasm": null }), /policy\.wasm is missing/],
  ["wasm that is none", packBundle({ "policy.wasm": "not wasm" }), /WebAssembly|magic/],
  ["wasm of another ABI", packBundle({ "policy.wasm": Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0) }), /./],
  ["no manifest", packBundle({ ".manifest": null }), /\.manifest is missing/],
  ["a manifest with a key twice", packBundle({ ".manifest": '{"wasm":[],"wasm":[]}' }), /\.manifest is not one strict JSON/],
  [
    "another entrypoint",
    packBundle({ ".manifest": '{"rego_version":1,"wasm":[{"entrypoint":"a/b","module":"/policy.wasm"}]}' }),
    /entrypoint sallyport\/verdict/,
  ],
  [
    "two entrypoints",
    packBundle({
      ".manifest":
        '{"rego_version":1,"wasm":[{"entrypoint":"sallyport/verdict","module":"/policy.wasm"},{"entrypoint":"a/b","module":"/policy.wasm"}]}',
    }),
    /exactly/,
  ],
  ["no Rego sources", packBundle({ "a.rego": null, "sallyport/combiner.rego": null }), /no Rego sources/],
  ["no combiner", packBundle({ "sallyport/combiner.rego": null }), /combiner is missing/],
  ["a second file of the combiner's package", packBundle({ "b.rego": rego("sallyport", "verdict := 1") }), /gateway's own/],
  ["a package two levels deep", packBundle({ "b.rego": rego("policies.a.b", denying) }), /package policies\.a\.b/],
  ["a package of another root", packBundle({ "b.rego": rego("policy.b", denying) }), /package policy\.b/],
  ["a package line that is computed", packBundle({ "b.rego": rego('policies["a.b"]', denying) }), /plain package line/],
  ["a comment that hides the package", packBundle({ "b.rego": "# package policies.b\n" }), /plain package line/],
  [
    "a set that nobody reads",
    packBundle({ "b.rego": rego("policies.b", 'hodl contains {"rule": "x"} if input.v == 1') }),
    /b\.rego:3: nothing uses the rule hodl/,
  ],
  [
    "two unread rules that use each other",
    packBundle({ "b.rego": rego("policies.b", `${denying}\n\nhodl if yes\n\nyes if hodl`) }),
    /hodl/,
  ],
  ["a boolean deny", packBundle({ "b.rego": rego("policies.b", "deny if input.v == 1") }), /deny must be a set/],
  ["a deny with a value", packBundle({ "b.rego": rego("policies.b", "deny := true") }), /deny must be a set/],
  ["a deny with a default", packBundle({ "b.rego": rego("policies.b", `default deny := false\n\n${denying}`) }), /deny must be a set/],
  ["a deny that is a function", packBundle({ "b.rego": rego("policies.b", 'deny(x) := {"rule": "x"} if x') }), /deny must be a set/],
  ["a deny below a name", packBundle({ "b.rego": rego("policies.b", 'deny.x contains {"rule": "x"}') }), /deny must be a set/],
  [
    "a computed message",
    packBundle({
      "b.rego": rego("policies.b", 'hold contains {"rule": "x", "tier": "t", "message": sprintf("%d", [input.args.x])} if input.v == 1'),
    }),
    /"message" must be one plain string/,
  ],
  [
    "a message put together",
    packBundle({ "b.rego": rego("policies.b", 'deny contains {"rule": "x", "message": "a" | input.args.x}') }),
    /"message" must be/,
  ],
  [
    "a template string as message",
    packBundle({ "b.rego": rego("policies.b", 'deny contains {"rule": "x", "message": $"a {input.args.x}"}') }),
    /"message" must be/,
  ],
  ["a test package in another file", packBundle({ "b.rego": rego("policies.b_test", "x := 1") }), /_test\.rego/],
  [
    "a test package that speaks",
    packBundle({ "b_test.rego": rego("policies.b_test", 'allow contains {"rule": "x", "tools": ["t"]}') }),
    /test package must not define allow/,
  ],
  ["a file that ends inside a string", packBundle({ "b.rego": 'package policies.b\n\nx := "open' }), /ends inside/],
  ["a file that is no UTF-8", packBundle({ "b.rego": Uint8Array.of(0xff, 0xfe) }), /UTF-8/],
  ["data under policies", packBundle({ "data.json": '{"facts":{},"policies":{"a":{"allow":[]}}}' }), /data under data\.policies/],
  ["data under sallyport", packBundle({ "data.json": '{"sallyport":{"verdict":{}}}' }), /data under data\.sallyport/],
  ["facts that are a list", packBundle({ "data.json": '{"facts":[]}' }), /data\.facts is not an object/],
  ["facts with a key twice", packBundle({ "data.json": '{"facts":{"a":1,"a":2}}' }), /data\.json is not one strict JSON/],
  [
    "facts with a number that is not exact",
    packBundle({ "data.json": '{"facts":{"a":9007199254740993}}' }),
    /data\.json is not one strict JSON/,
  ],
  ["a second data file", packBundle({ "more/data.json": "{}" }), /more\/data\.json has no place/],
  ["a data file in YAML", packBundle({ "data.yaml": "a: 1" }), /data\.yaml has no place/],
  [
    "a built-in that nobody has",
    packBundle({ "policy.wasm": makeStandIn({ answers: "[]" }, { builtins: '{"time.now_ns":0}' }) }),
    /built-ins.*time\.now_ns/,
  ],
  [
    "regex.split, which the SDK has",
    packBundle({ "policy.wasm": makeStandIn({ answers: "[]" }, { builtins: '{"regex.split":0,"sprintf":1}' }) }),
    /regex\.split/,
  ],
];

for (const [what, bundle, says] of refused) {
  test(`a bundle is refused by name: ${what}`, () => {
    const loaded = loadPolicy(bundle);
    assert.ok(isDenial(loaded));
    assert.equal(loaded.denied, "ERR_POLICY_UNLOADED");
    assert.match((loaded.reasons ?? []).map((reason) => reason.message).join("\n"), says);
  });
}

test("a flipped byte never makes the loader throw", () => {
  const bundle = packBundle();
  let refusals = 0;
  for (let index = 0; index < bundle.length; index += 3) {
    const changed = Uint8Array.from(bundle);
    changed[index] = (changed[index] ?? 0) ^ 0x55;
    if (isDenial(loadPolicy(changed))) refusals += 1;
  }
  assert.ok(refusals > bundle.length / 6, `${refusals} refusals`);
});

test("a gateway without a policy denies every call", () => {
  assert.deepEqual(noPolicy.evaluate(makeInput(seeded(1))), deny("ERR_POLICY_UNLOADED"));
  assert.equal(noPolicy.digest, "");
});

test("the shipped bundle loads", () => {
  assert.ok(!isDenial(loadPolicy(shippedBundle)));
});
