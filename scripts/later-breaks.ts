import type { Break } from "./breaks.ts";

/** The second half of the table in `breaks.ts`: what the ways in and the tenants' walls promise. */
export const laterBreaks: readonly Break[] = [
  {
    promise: "INV-6 no look at another account than the unknown call's",
    file: "src/control/look-at-unknown.ts",
    find: "if (isDenial(governable) || governable.binding !== stored.binding) return;",
    replace: "if (isDenial(governable)) return;",
    test: "test/packs/reconcile.test.ts",
  },
  {
    promise: "INV-2 a child call's arguments fit its own tool",
    file: "src/path/child-call.ts",
    find: "const checked = checkArguments(tool, args);",
    replace: "const checked = args;",
    test: "test/packs/reconcile.test.ts",
  },
  {
    promise: "INV-3 hanging up on an answer gives no money back",
    file: "src/rules/pass-outcome.ts",
    find: "return end.status === null ? metered : isGood(end.status);",
    replace: "return false;",
    test: "test/sdk/llm-usage.test.ts",
  },
  {
    promise: "INV-17 a call is there for its own tenant alone",
    file: "src/control/collect-call.ts",
    find: "call.agent === agent && call.tenant === tenant && call.environment",
    replace: "call.agent === agent && call.environment",
    test: "test/attack/tenant-calls.test.ts",
  },
  {
    promise: "INV-17 no rate crosses a tenant or an environment",
    file: "src/path/limit-rate.ts",
    find: "rateKey([rate.scope, environment, ...idsOf[rate.scope]])",
    replace: "rateKey([rate.scope, ...idsOf[rate.scope]])",
    test: "test/attack/tenant-counters.test.ts",
  },
  {
    promise: "INV-17 a connection to an upstream is one tenant's",
    file: "src/adapters/upstream/upstreams.ts",
    find: "const known = lines.get(tenant);",
    replace: "const known = [...lines.values()][0];",
    test: "test/attack/tenant-counters.test.ts",
  },
  {
    promise: "INV-17 no budget crosses a tenant",
    file: "src/rules/reservations.ts",
    find: 'case "agent":\n      return [environment, tenant, agent];',
    replace: 'case "agent":\n      return [environment, agent];',
    test: "test/attack/tenant-soak.test.ts",
  },
  {
    promise: "INV-17 a shared account needs a preview that says whose the object is",
    file: "src/config/upstreams.ts",
    find: 'return required.includes("tenant") || required.includes("account");',
    replace: "return required.length >= 0;",
    test: "test/config/bad-configs.test.ts",
  },
  {
    promise: "the gateway's own address is never what a request says",
    file: "src/edges/http/protected-resource.ts",
    find: "findResource(edge.publicUrl(), ",
    replace: "findResource(`http://${request.headers.host}`, ",
    test: "test/attack/front-doors.test.ts",
  },
  {
    promise: "a key that the SDK made up is no key of the agent's",
    file: "src/path/resolve.ts",
    find: "mount.clientKeys?.test(key) === true;",
    replace: 'mount.clientKeys?.test(key) === "";',
    test: "test/attack/front-keys.test.ts",
  },
];
