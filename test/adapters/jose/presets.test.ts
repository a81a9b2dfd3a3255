import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openAgentTokens, openPeopleTokens } from "../../../src/adapters/jose/tokens.ts";
import { presetNames } from "../../../src/config/presets.ts";
import { formatProblem } from "../../../src/config/problems.ts";
import { readConfiguration } from "../../../src/config/read.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import { baseFiles, writeFiles } from "../../config/base-config.ts";
import { forge, jwk, keys, nowMs } from "./forge.ts";
import type { Changes, PresetCase } from "./preset-case.ts";
import { presetCases } from "./preset-tokens.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-presets-"));
after(() => rmSync(folder, { recursive: true }));

const published = {
  keys: [jwk(keys.RSA, { kid: "k", use: "sig", alg: "RS256" }), jwk(keys.ES256, { kid: "ec" }), jwk(keys.ES384, { kid: "es384" })],
};
const keyOf = { RS256: keys.RSA, ES256: keys.ES256, ES384: keys.ES384 } as const;

/** The verifier that this very file makes, and nothing else. */
function openFrom(one: PresetCase) {
  const yaml = `issuers:\n  - preset: ${one.preset}\n    jwks: provider.json\n    audience: ${one.audience}\n    ${one.yaml}\n`;
  const read = readConfiguration(
    writeFiles(join(folder, one.preset), {
      ...baseFiles,
      "config/gateway.yaml": gatewayWith(yaml),
      "config/provider.json": JSON.stringify(published),
    }),
  );
  if (!read.ok) throw new Error(read.problems.map(formatProblem).join("\n"));
  return openAgentTokens(read.gateway.issuers);
}

function gatewayWith(issuers: string): string {
  const text = baseFiles["config/gateway.yaml"] ?? "";
  return `${text.slice(0, text.indexOf("issuers:"))}${issuers}${text.slice(text.indexOf("people:\n"))}`;
}

const changed = (from: Changes, changes: Changes = {}): object =>
  Object.fromEntries(Object.entries({ ...from, ...changes }).filter(([, value]) => value !== undefined));

const tokenOf = (one: PresetCase, header?: Changes, claims?: Changes, signAs: keyof typeof keyOf = one.signAs): string =>
  forge({ header: changed(one.header, header), claims: changed(one.claims, claims), key: keyOf[signAs].privateKey, signAs });

for (const one of presetCases) {
  test(`${one.preset}: a token as the provider makes it says who calls`, async () => {
    const tokens = openFrom(one);
    const good = [{ title: "plain", claims: {}, header: {}, principal: {} }, ...one.alsoGood];
    for (const { title, header, claims, principal } of good) {
      const result = await tokens.verify(tokenOf(one, header, claims), nowMs);
      assert.ok(!isDenial(result), `${title}: ${JSON.stringify(result)}`);
      for (const [name, value] of Object.entries({ ...one.principal, ...principal }))
        assert.deepEqual(result[name as keyof typeof result], value, `${title}: ${name}`);
    }
  });

  test(`${one.preset}: what is nearly such a token is refused`, async () => {
    const tokens = openFrom(one);
    for (const { title, code, claims, header, signAs } of one.nearMisses) {
      const denial = await tokens.verify(tokenOf(one, header, claims, signAs), nowMs);
      assert.ok(isDenial(denial) && denial.denied === code, `${title}: ${JSON.stringify(denial)}`);
    }
    assert.ok(one.nearMisses.length >= 5);
    assert.equal(tokens.report().cacheEntries, 0);
  });
}

test("every preset has its tokens here", (t) => {
  assert.deepEqual(presetCases.map(({ preset }) => preset).sort(), [...presetNames].sort());
  t.diagnostic(`${presetCases.reduce((sum, { nearMisses }) => sum + nearMisses.length, 0)} near misses refused`);
});

test("the token of one provider opens no other's door", async () => {
  let tried = 0;
  for (const one of presetCases) {
    const tokens = openFrom(one);
    for (const other of presetCases) {
      if (other === one) continue;
      assert.ok(isDenial(await tokens.verify(tokenOf(other), nowMs)), `${other.preset} at ${one.preset}`);
      tried += 1;
    }
  }
  assert.equal(tried, 72);
});

const peopleCases = [
  {
    preset: "entra",
    yaml: "issuer: https://login.microsoftonline.com/8f1b3a52-7d04-4a6e-9b0c-2f2f60a1c111/v2.0",
    person: { idtyp: undefined, scp: "Console", sub: "pairwise", name: "Ada", roles: ["approver"], groups: ["g-1"] },
    known: { person: "3a9b6f2c-0000-4c59-8d8e-7f6e5d4c3333", name: "Ada", roles: ["approver"], groups: ["g-1"] },
    software: { roles: ["approver", "admin"] },
  },
  {
    preset: "okta",
    yaml: "issuer: https://acme.okta.com/oauth2/aus1a2b3c4",
    person: { uid: "00u1ada", sub: "ada@acme.example", groups: ["finance"], roles: ["approver"] },
    known: { person: "00u1ada", name: "ada@acme.example", roles: ["approver"], groups: ["finance"] },
    software: { roles: ["approver", "admin"] },
  },
  {
    preset: "keycloak",
    yaml: "issuer: https://id.acme.example/realms/acme",
    person: {
      preferred_username: "ada",
      name: "Ada",
      sid: "s-1",
      realm_access: { roles: ["approver", "offline_access"] },
      groups: ["/finance"],
    },
    known: { person: "d952cf23-bf92-4c8f-a3ff-4972b4f2bc5b", name: "Ada", roles: ["approver"], groups: ["/finance"] },
    software: { realm_access: { roles: ["approver", "admin"] } },
  },
] as const;

for (const { preset, yaml, person, known, software } of peopleCases) {
  test(`${preset}: a person's token is a person, and software's is nobody`, async () => {
    const one = presetCases.find((each) => each.preset === preset);
    assert.ok(one !== undefined);
    const text = baseFiles["config/gateway.yaml"] ?? "";
    const issuer = `people:\n  issuers:\n    - preset: ${preset}\n      jwks: provider.json\n      audience: ${one.audience}\n      ${yaml}\n`;
    const files = {
      ...baseFiles,
      "config/gateway.yaml": `${text.slice(0, text.indexOf("people:\n  issuers"))}${issuer}${text.slice(text.indexOf("limits:"))}`,
    };
    const read = readConfiguration(
      writeFiles(join(folder, `people-${preset}`), { ...files, "config/provider.json": JSON.stringify(published) }),
    );
    assert.ok(read.ok, read.ok ? "" : read.problems.map(formatProblem).join("\n"));
    const people = openPeopleTokens(read.gateway.peopleIssuers);
    const ada = await people.verify(tokenOf(one, {}, person), nowMs);
    assert.ok(!isDenial(ada), JSON.stringify(ada));
    const { name, roles, groups } = ada;
    assert.deepEqual({ person: ada.person, name, roles, groups }, known);
    const denial = await people.verify(tokenOf(one, {}, software), nowMs);
    assert.ok(isDenial(denial) && denial.denied === "ERR_TOKEN_CLAIMS", JSON.stringify(denial));
  });
}
