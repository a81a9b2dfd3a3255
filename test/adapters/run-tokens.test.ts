import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openDevIssuer } from "../../src/adapters/dev-issuer/issuer.ts";
import { openAgentTokens } from "../../src/adapters/jose/tokens.ts";
import { openRunTokens } from "../../src/adapters/run-tokens/index.ts";
import type { AgentTokens } from "../../src/ports/tokens.ts";
import { type Denial, deny, isDenial } from "../../src/rules/denial.ts";
import type { Principal } from "../../src/rules/principal.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-run-tokens-"));
const keyFile = join(folder, "runs.key");
const nowMs = Date.UTC(2026, 10, 22, 12);
const nobody: Pick<AgentTokens, "verify"> = { verify: async () => deny("ERR_TOKEN_UNTRUSTED", "The others were asked.") };
const opener: Principal = {
  issuer: "https://id.example.com/",
  agent: "billing",
  workflow: "disputes",
  tenant: "acme",
  environment: "staging",
  run: null,
  user: { id: "ada", groups: ["finance", "ops"] },
  tokenId: "t-1",
  issuedAtMs: nowMs - 60_000,
  earlierActors: ["broker"],
  expiresAtMs: nowMs + 3_600_000,
};
const trusted = new Set([opener.issuer]);
const own = openRunTokens({ keyFile, isTrusted: (issuer) => trusted.has(issuer) });

after(() => rmSync(folder, { recursive: true, force: true }));

async function mint(changes: Partial<Principal> = {}, expiresAtMs = nowMs + 600_000): Promise<string> {
  const token = await own.mint({ principal: { ...opener, ...changes }, run: "r_1", nowMs, expiresAtMs });
  assert.ok(!isDenial(token));
  return token;
}

const verify = (token: string, atMs = nowMs): Promise<Principal | Denial> => own.beside(nobody).verify(token, atMs);

test("a run token stands for the opening token's principal, and the run", async () => {
  const principal = await verify(await mint());
  assert.ok(!isDenial(principal));
  const { runToken, ...rest } = principal;
  assert.deepEqual(rest, { ...opener, run: "r_1", expiresAtMs: nowMs + 600_000 });
  assert.equal(runToken?.tokenId, "r_1");
  assert.match(runToken.issuer, /^urn:sallyport:runs:[A-Za-z0-9_-]{43}$/);
});

test("what the opening token did not say, the run token does not say", async () => {
  const { issuedAtMs: _date, earlierActors: _actors, ...bare } = { ...opener, workflow: null, user: null, tokenId: null };
  const token = await own.mint({ principal: bare, run: "r_1", nowMs, expiresAtMs: nowMs + 600_000 });
  assert.ok(!isDenial(token));
  const principal = await verify(token);
  assert.ok(!isDenial(principal));
  const { runToken: _own, ...rest } = principal;
  assert.deepEqual(rest, { ...bare, run: "r_1", expiresAtMs: nowMs + 600_000 });
});

test("a run token holds from its first second to its last", async () => {
  const token = await mint();
  const rows: readonly (readonly [number, string | null])[] = [
    [0, null],
    [599_999, null],
    [600_000, "ERR_TOKEN_EXPIRED"],
    [86_400_000, "ERR_TOKEN_EXPIRED"],
    [-60_000, "ERR_TOKEN_EXPIRED"],
  ];
  for (const [laterMs, code] of rows) {
    const answer = await verify(token, nowMs + laterMs);
    assert.equal(isDenial(answer) ? answer.denied : null, code, String(laterMs));
  }
});

test("a run token ends with its opener's issuer", async () => {
  const token = await mint();
  trusted.clear();
  const fresh = openRunTokens({ keyFile, isTrusted: (issuer) => trusted.has(issuer) });
  const answer = await fresh.beside(nobody).verify(token, nowMs);
  trusted.add(opener.issuer);
  assert.equal(isDenial(answer) && answer.denied, "ERR_TOKEN_UNTRUSTED");
});

test("the same key file verifies after a restart, another one does not, and both are for their owner only", async () => {
  const token = await mint();
  const again = openRunTokens({ keyFile, isTrusted: () => true });
  assert.ok(!isDenial(await again.beside(nobody).verify(token, nowMs)));
  const otherFile = join(folder, "other.key");
  const other = openRunTokens({ keyFile: otherFile, isTrusted: () => true });
  const answer = await other.beside(nobody).verify(token, nowMs);
  assert.equal(isDenial(answer) && answer.detail, "The others were asked.");
  for (const file of [keyFile, otherFile]) assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("a key that is open to others, or of another kind, is not used", () => {
  const open = join(folder, "open.key");
  writeFileSync(open, readFileSync(keyFile));
  chmodSync(open, 0o644);
  assert.throws(() => openRunTokens({ keyFile: open, isTrusted: () => true }), /chmod 600/);
  const odd = join(folder, "odd.key");
  openDevIssuer(folder);
  writeFileSync(odd, readFileSync(join(folder, "dev", "agents.pem")), { mode: 0o600 });
  assert.throws(() => openRunTokens({ keyFile: odd, isTrusted: () => true }), /Ed25519/);
});

test("a principal too large for a token gets none", async () => {
  const groups = Array.from({ length: 60 }, (_, at) => `${at}-${"g".repeat(190)}`);
  const answer = await own.mint({ principal: { ...opener, user: { id: "ada", groups } }, run: "r_1", nowMs, expiresAtMs: nowMs + 600_000 });
  assert.equal(isDenial(answer) && answer.denied, "ERR_RUN_TOKEN");
});

test("a principal ends when its issuer's max_age ends it, whatever exp says: nothing made of it lives longer", async () => {
  const dev = openDevIssuer(folder, () => nowMs);
  const tokens = openAgentTokens([{ ...dev.agentIssuer, maxAgeMs: 300_000 }]);
  const token = await dev.mintAgentToken({ agent: "billing", tenant: "acme", ttlMs: 3_600_000 });
  const principal = await tokens.verify(token, nowMs);
  assert.ok(!isDenial(principal));
  assert.equal(principal.expiresAtMs, nowMs + 300_000);
});
