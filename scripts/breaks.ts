/** One way to break the product that a test must notice. `find` stands exactly once in the file. */
export interface Break {
  /** The invariant's number and its promise in a few words. */
  readonly promise: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The test file that must fail. */
  readonly test: string;
}

/** `docs/testing.md` prints this table, and `npm run test:break` proves it. */
export const breaks: readonly Break[] = [
  {
    promise: "INV-1 no effect without a durable allow",
    file: "src/rules/contract.ts",
    find: "if (rank[floor.verdict] < rank[policy.verdict]) return policy;",
    replace: "if (rank[floor.verdict] < rank[policy.verdict]) return floor;",
    test: "test/rules/contract.test.ts",
  },
  {
    promise: "INV-1 a policy that answers nonsense denies",
    file: "src/path/decide.ts",
    find: "return isDenial(verdict) ? verdict : { verdict, policyInput, left: standing.left };",
    replace:
      'return isDenial(verdict) ? { verdict: { verdict: "allow", reasons: [], tiers: [], obligations: [] }, policyInput, left: standing.left } : { verdict, policyInput, left: standing.left };',
    test: "test/path/policy-denies.test.ts",
  },
  {
    promise: "INV-2 what is judged is what is sent",
    file: "src/path/resolve.ts",
    find: "return { args, outbound, callDigest: digest,",
    replace: "return { args, outbound: { ...outbound, body: outbound.body?.replace(/1/, '2') ?? null }, callDigest: digest,",
    test: "test/path/one-call.test.ts",
  },
  {
    promise: "INV-2 a duplicate key is refused",
    file: "src/rules/strict-json.ts",
    find: "if (folds.add(fold).size === known)",
    replace: "if (folds.add(fold).size < known)",
    test: "test/rules/strict-json.test.ts",
  },
  {
    promise: "INV-3 no over-spend",
    file: "src/rules/budgets.ts",
    find: "reservation.units > left) return",
    replace: "reservation.units > left + 1) return",
    test: "test/rules/budgets.test.ts",
  },
  {
    promise: "INV-5 an approved call runs at most once",
    file: "src/stores/sqlite/progress.ts",
    find: 'if (call === null || call.state !== "approved" || call.hold === null',
    replace: "if (call === null || call.hold === null",
    test: "test/stores/sqlite.test.ts",
  },
  {
    promise: "INV-5 what a crash interrupts is unknown",
    file: "src/stores/sqlite/progress.ts",
    find: 'const outcome = call.effect === "write" ? "unknown" : "failed";',
    replace: 'const outcome = "failed" as Outcome;',
    test: "test/stores/sqlite.test.ts",
  },
  {
    promise: "INV-6 nobody approves alone, twice or for themselves",
    file: "src/rules/holds.ts",
    find: 'if ([vote.person, ...groups].some((name) => isExcluded(standing.hold, name))) return "excluded";',
    replace: "",
    test: "test/path/holds.test.ts",
  },
  {
    promise: "INV-8 the agent's token never leaves",
    file: "src/path/forward.ts",
    find: 'accept: "application/json", ...call.meantHeaders',
    replace: 'accept: "application/json", "x-from": (call.headers.get("authorization") ?? [""])[0] ?? "", ...call.meantHeaders',
    test: "test/path/token-stays.test.ts",
  },
  {
    promise: "INV-9 no record, no effect",
    file: "src/stores/sqlite/worker.ts",
    find: "return calls.map(() => ({ ok: false, message: String(error) }));",
    replace: 'return calls.map(() => ({ ok: true, value: { kind: "started" } }));',
    test: "test/stores/full-disk.test.ts",
  },
  {
    promise: "INV-12 the gateway adds no retries",
    file: "src/path/index.ts",
    find: "return forward(ports, call);",
    replace: "return forward(ports, call).then(() => forward(ports, call));",
    test: "test/path/holds.test.ts",
  },
  {
    promise: "INV-13 the upstream's certificate is verified",
    file: "src/adapters/upstream/upstreams.ts",
    find: "rejectUnauthorized: true",
    replace: "rejectUnauthorized: false",
    test: "test/adapters/upstream/identity.test.ts",
  },
  {
    promise: "INV-14 a stop holds (share)",
    file: "src/rules/stops.ts",
    find: "if (stop.expiresAtMs !== null && stop.expiresAtMs <= nowMs) return false;",
    replace: "if (stop.expiresAtMs === null || stop.expiresAtMs <= nowMs) return false;",
    test: "test/rules/stops.test.ts",
  },
  {
    promise: "INV-16 a changed entry is found",
    file: "src/edges/cli/ledger-verifier.ts",
    find: "if (hash !== row.hash) report(",
    replace: "if (hash === null) report(",
    test: "test/edges/cli/ledger-tampering.test.ts",
  },
  {
    promise: "INV-16 a ledger that was made anew is found",
    file: "src/edges/cli/ledger-verifier.ts",
    find: "} else if (checkpoint !== null && check.hashAtCheckpoint !== checkpoint.hash) {",
    replace: "} else if (checkpoint !== null && check.hashAtCheckpoint === undefined) {",
    test: "test/edges/cli/ledger-tampering.test.ts",
  },
  {
    promise: "INV-28 one key, one call",
    file: "src/stores/sqlite/admit.ts",
    find: 'return known.callDigest === call.callDigest ? { kind: "same", call: known, attached: false } : { kind: "mismatch", callId: known.id };',
    replace: 'return { kind: "same", call: known, attached: false };',
    test: "test/stores/sqlite.test.ts",
  },
];
