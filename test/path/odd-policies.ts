import assert from "node:assert/strict";
import { loadPolicy, noPolicy } from "../../src/adapters/rego-wasm/load-policy.ts";
import type { Policy } from "../../src/ports/policy.ts";
import type { Code } from "../../src/rules/codes.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { packBundle } from "../adapters/rego-wasm/bundles.ts";
import { makeStandIn, type StandIn, type StandInOptions } from "../adapters/rego-wasm/stand-in.ts";

/** A way in which a policy goes wrong, and the code of the denial that must come of it. */
export interface OddPolicy {
  readonly title: string;
  readonly code: Code;
  readonly open: () => Policy;
}

const allow = '{"verdict":"allow","reasons":[{"rule":"r","package":"p","message":"m"}],"tiers":[],"obligations":[]}';
const deep = `[{"result":${"[".repeat(200)}${"]".repeat(200)}}]`;

/** A real bundle whose Wasm does this. */
function bundled(does: StandIn, options: StandInOptions = {}): () => Policy {
  return () => {
    const policy = loadPolicy(packBundle({ "policy.wasm": makeStandIn(does, options) }), { memoryPagesMax: 32 });
    assert.ok(!isDenial(policy), "the odd bundle loads");
    return policy;
  };
}
const says = (answers: string): (() => Policy) => bundled({ answers });

/** A port that breaks its own promise: it throws, which the path must survive. */
const throwing = (thrown: unknown): (() => Policy) => {
  return () => ({
    evaluate: () => {
      throw thrown;
    },
    digest: "",
  });
};

export const oddPolicies: readonly OddPolicy[] = [
  { title: "the result set is empty", code: "ERR_POLICY_SHAPE", open: says("[]") },
  { title: "the result is undefined", code: "ERR_POLICY_SHAPE", open: says("[{}]") },
  { title: "the result is true", code: "ERR_POLICY_SHAPE", open: says('[{"result":true}]') },
  { title: "the result is the word allow", code: "ERR_POLICY_SHAPE", open: says('[{"result":"allow"}]') },
  { title: "the result is an allow of the old shape", code: "ERR_POLICY_SHAPE", open: says('[{"result":{"allow":true}}]') },
  { title: "there are two results", code: "ERR_POLICY_SHAPE", open: says(`[{"result":${allow}},{"result":${allow}}]`) },
  { title: "the result is nested without end", code: "ERR_POLICY_SHAPE", open: says(deep) },
  { title: "the verdict has one key too many", code: "ERR_POLICY_SHAPE", open: says(`[{"result":${allow.slice(0, -1)},"x":1}}]`) },
  { title: "the answer is no JSON", code: "ERR_POLICY_FAULT", open: says("[{") },
  { title: "a conflict is thrown as a string", code: "ERR_POLICY_FAULT", open: bundled({ aborts: "var assignment conflict" }) },
  { title: "an Error is thrown", code: "ERR_POLICY_FAULT", open: bundled({ traps: true }) },
  { title: "a built-in is missing", code: "ERR_POLICY_FAULT", open: bundled({ calls: 99 }) },
  { title: "the memory runs out", code: "ERR_POLICY_FAULT", open: bundled({ grows: true }) },
  {
    title: "the entrypoint is unknown",
    code: "ERR_POLICY_FAULT",
    open: bundled({ answers: `[{"result":${allow}}]` }, { entrypoints: '{"other/verdict":0}' }),
  },
  { title: "no policy is loaded", code: "ERR_POLICY_UNLOADED", open: () => noPolicy },
  { title: "the port itself throws an Error", code: "ERR_INTERNAL", open: throwing(new Error("broken")) },
  { title: "the port itself throws a string", code: "ERR_INTERNAL", open: throwing("broken") },
  { title: "the port itself throws nothing at all", code: "ERR_INTERNAL", open: throwing(undefined) },
];
