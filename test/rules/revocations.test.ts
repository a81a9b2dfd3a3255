import assert from "node:assert/strict";
import { test } from "node:test";
import type { Principal } from "../../src/rules/principal.ts";
import { readRevocations, revocableFacts, revocationsMax, revokedOf } from "../../src/rules/revocations.ts";

const read = (value: unknown) => readRevocations(new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value)));

const issuedAtMs = Date.parse("2026-11-27T11:30:00Z");
const principal: Principal = {
  issuer: "https://id.example",
  agent: "billing",
  workflow: null,
  tenant: "t1",
  environment: "production",
  run: null,
  user: { id: "u_7", groups: [] },
  tokenId: "j1",
  expiresAtMs: issuedAtMs + 1_000,
  issuedAtMs,
  earlierActors: ["planner"],
};

function judge(list: object, who: Principal = principal): string | null {
  const parsed = read({ v: 1, ...list });
  if (typeof parsed === "string") throw new Error(parsed);
  return (
    revocableFacts(who)
      .map((facts) => revokedOf(parsed, facts))
      .find((found) => found !== null) ?? null
  );
}

const { issuedAtMs: _at, ...undated } = principal;
const ofRun: Principal = { ...principal, runToken: { issuer: "urn:run", tokenId: "r1" } };
const rows: readonly (readonly [title: string, list: object, who: Principal, revoked: string | null])[] = [
  ["nothing", {}, principal, null],
  ["the token", { tokens: [{ issuer: "https://id.example", jti: "j1" }] }, principal, "token"],
  ["the token's id of another issuer", { tokens: [{ issuer: "https://other.example", jti: "j1" }] }, principal, null],
  ["another token", { tokens: [{ issuer: "https://id.example", jti: "j2" }] }, principal, null],
  ["a token of a principal without one", { tokens: [{ issuer: "https://id.example", jti: "j1" }] }, { ...principal, tokenId: null }, null],
  ["the agent", { agents: [{ agent: "billing" }] }, principal, "agent"],
  ["another agent", { agents: [{ agent: "billin" }] }, principal, null],
  ["an earlier actor", { agents: [{ agent: "planner" }] }, principal, "agent"],
  ["what was issued before a moment", { agents: [{ agent: "billing", issued_before: "2026-11-27T11:30:00.001Z" }] }, principal, "agent"],
  ["what was issued before this very moment", { agents: [{ agent: "billing", issued_before: "2026-11-27T11:30:00Z" }] }, principal, null],
  ["a token that does not say when", { agents: [{ agent: "billing", issued_before: "2020-01-01T00:00:00Z" }] }, undated, "agent"],
  [
    "the later of two moments",
    {
      agents: [
        { agent: "billing", issued_before: "2027-01-01T00:00:00Z" },
        { agent: "billing", issued_before: "2020-01-01T00:00:00Z" },
      ],
    },
    principal,
    "agent",
  ],
  [
    "the agent wholly, and again with a moment",
    { agents: [{ agent: "billing" }, { agent: "billing", issued_before: "2020-01-01T00:00:00Z" }] },
    principal,
    "agent",
  ],
  ["the user", { users: [{ user: "u_7" }] }, principal, "user"],
  ["another user", { users: [{ user: "u_8" }] }, principal, null],
  ["the user of an agent without one", { users: [{ user: "u_7" }] }, { ...principal, user: null }, null],
  ["a run token", { tokens: [{ issuer: "urn:run", jti: "r1" }] }, ofRun, "token"],
  ["the token that opened the run", { tokens: [{ issuer: "https://id.example", jti: "j1" }] }, ofRun, "token"],
];

for (const [title, list, who, revoked] of rows) {
  test(`${title}: ${revoked === null ? "nothing is revoked" : `the ${revoked} is revoked`}`, () => assert.equal(judge(list, who), revoked));
}

const bad: readonly unknown[] = [
  "",
  "[]",
  "null",
  "not json",
  '{"v":1,"v":1}',
  {},
  { v: 2 },
  { v: "1" },
  { v: 1, jtis: [] },
  { v: 1, tokens: {} },
  { v: 1, tokens: null },
  { v: 1, tokens: ["j1"] },
  { v: 1, tokens: [{ jti: "j1" }] },
  { v: 1, tokens: [{ issuer: "i", jti: 7 }] },
  { v: 1, tokens: [{ issuer: "i", jti: "" }] },
  { v: 1, tokens: [{ issuer: "i", jti: "j", note: "x" }] },
  { v: 1, agents: ["billing"] },
  { v: 1, agents: [{}] },
  { v: 1, agents: [{ agent: "a", before: "2026-11-27T11:30:00Z" }] },
  { v: 1, agents: [{ agent: "a", issued_before: "yesterday" }] },
  { v: 1, agents: [{ agent: "a", issued_before: "2026-11-27" }] },
  { v: 1, agents: [{ agent: "a", issued_before: "2026-11-27T11:30:00+01:00" }] },
  { v: 1, agents: [{ agent: "a", issued_before: "2026-13-27T11:30:00Z" }] },
  { v: 1, agents: [{ agent: "a", issued_before: 1_795_779_000 }] },
  { v: 1, agents: [{ agent: "a", issued_before: null }] },
  { v: 1, users: ["u_7"] },
  { v: 1, users: [{ user: "u_7\u200b" }] },
  { v: 1, users: Array.from({ length: revocationsMax + 1 }, (_, at) => ({ user: `u${at}` })) },
];

test("a list of which anything cannot be understood is refused whole", () => {
  for (const value of bad) assert.equal(typeof read(value), "string", JSON.stringify(value).slice(0, 100));
  assert.equal(bad.length, 28);
  assert.notEqual(typeof read({ v: 1, users: Array.from({ length: revocationsMax }, (_, at) => ({ user: `u${at}` })) }), "string");
});
