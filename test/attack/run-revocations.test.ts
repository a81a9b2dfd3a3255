import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openDevIssuer } from "../../src/adapters/dev-issuer/issuer.ts";
import { writeDemoConfig } from "../support/demo-config.ts";
import { eventually, startGateway, type TestAnswer, type TestGateway } from "../support/gateway.ts";

type Claims = Record<string, unknown>;

describe("a run token after a revocation", () => {
  const subject = (token: string): Claims => JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as Claims;
  const moment = (ms: number): string => new Date(ms).toISOString();
  const rows: readonly (readonly [string, (opener: Claims, run: Claims) => object, boolean])[] = [
    ["the token that opened it", (opener) => ({ tokens: [{ issuer: opener["iss"], jti: opener["jti"] }] }), false],
    ["the run token itself", (_opener, run) => ({ tokens: [{ issuer: run["iss"], jti: run["jti"] }] }), true],
    ["its agent", (opener) => ({ agents: [{ agent: opener["sub"] }] }), false],
    ["its user", () => ({ users: [{ user: "mallory" }] }), false],
    // The run token was issued later than that; it is the opening token's date that counts.
    [
      "tokens issued before a moment between the two",
      (opener) => ({ agents: [{ agent: opener["sub"], issued_before: moment(Number(opener["iat"]) * 1000 + 1000) }] }),
      false,
    ],
  ];
  const folder = mkdtempSync(join(tmpdir(), "sallyport-revoked-"));
  const listFile = join(folder, "config", "revoked.json");
  let revoking: TestGateway;
  before(async () => {
    const edit = {
      "config/gateway.yaml": (text: string) => `${text}revocations: { list: revoked.json, poll: 100ms }\n`,
      "config/revoked.json": () => '{"v":1}',
    };
    revoking = await startGateway({ configFile: writeDemoConfig(folder, { edit }) });
  });
  after(async () => {
    await revoking.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (token: string): Promise<TestAnswer> => revoking.request("POST", "/sallyport/v1/runs", { token });
  const listTools = (token: string): Promise<TestAnswer> => revoking.request("GET", "/sallyport/v1/tools", { token });

  /** Puts a list in force: reads it until the token's answer has this status. */
  async function revoke(list: object, token: string, status: number): Promise<TestAnswer> {
    writeFileSync(listFile, JSON.stringify({ v: 1, ...list }));
    return eventually("the list is read", async () => {
      const answer = await listTools(token);
      return answer.status === status ? answer : null;
    });
  }

  for (const [title, listOf, opens] of rows) {
    it(`of ${title}, a run token is refused${opens ? "" : ", and the opening token opens no other"}`, async () => {
      const dev = openDevIssuer(revoking.dataDir, () => Date.now() - 60_000);
      const user = { id: "mallory", groups: [] };
      const opener = await dev.mintAgentToken({ agent: "billing-dispute-v3", tenant: "acme_co", user, ttlMs: 600_000 });
      const token = String((await open(opener)).body["token"]);
      assert.equal((await listTools(token)).status, 200);
      const refused = await revoke(listOf(subject(opener), subject(token)), token, 401);
      assert.equal(refused.body["code"], "ERR_TOKEN_REVOKED", refused.text);
      assert.equal((await open(opener)).status, opens ? 201 : 401);
      await revoke({}, token, 200);
    });
  }
});
