import { type BadConfig, row } from "./bad-config.ts";

const gateway = "config/gateway.yaml";
const first = "  - issuer: https://id.example.com/agents\n    jwks: keys.json\n    audience: sallyport\n    claims: { tenant: org_id }\n";
const issuer = (title: string, to: string, says: string, problems = 1): BadConfig => row(title, gateway, first, to, says, problems);
const plain = "  - issuer: https://id.example.com/agents\n    jwks: keys.json\n    audience: sallyport\n";
const entra =
  "  - preset: entra\n    issuer: https://login.microsoftonline.com/8f1b3a52-7d04-4a6e-9b0c-2f2f60a1c111/v2.0\n    audience: api\n";
const github = "  - preset: github_actions\n    audience: sallyport\n    claims: { tenant: { is: acme_co } }\n";
const revocations = (title: string, to: string, says: string): BadConfig =>
  row(title, gateway, "stops: {", `revocations: ${to}\nstops: {`, says);

/** Mistakes about issuers, presets and revocations, with one each. */
export const badIssuers: readonly BadConfig[] = [
  issuer("an issuer without a name", "  - ⟦jwks: keys.json\n    audience: sallyport\n", "issuers[0].issuer is required"),
  issuer("an issuer without keys", "  - ⟦issuer: https://id.example.com/agents\n    audience: sallyport\n", "issuers[0].jwks is required"),
  issuer("an audience that is an empty list", plain.replace("sallyport", "⟦[]"), "issuers[0].audience must not be empty"),
  issuer("an audience that is a map", plain.replace("sallyport", "⟦{}"), "issuers[0].audience must be one name or a list of names"),
  issuer(
    "an issuer that stands twice",
    `${plain}  - issuer: ⟦https://id.example.com/agents\n    jwks: keys.json\n    audience: two\n`,
    "issuers[1].issuer stands twice",
  ),
  row(
    "one of several audiences shared with people",
    gateway,
    "    - issuer: https://id.example.com/people\n      jwks: https://id.example.com/people.json\n      audience: console\n",
    "    - issuer: ⟦https://id.example.com/agents\n      jwks: keys.json\n      audience: [console, sallyport]\n",
    "people.issuers[0].issuer is shared by agents and people with one audience",
  ),
  issuer("an unknown type", `${plain}    typ: ⟦id_token\n`, "issuers[0].typ must be at+jwt, JWT, JOSE, none, or a list of them"),
  issuer("an unknown type in a list", `${plain}    typ: [JWT, ⟦jwt]\n`, "issuers[0].typ[1] must be one of at+jwt, JWT, JOSE, none"),
  issuer(
    "a required claim that is no place",
    `${plain}    required_claims: [⟦"/a~2"]\n`,
    "issuers[0].required_claims[0] must be a claim's name or a JSON pointer",
  ),
  issuer(
    "an expected claim that is no place",
    `${plain}    expect: { ⟦"/a~2": x }\n`,
    'issuers[0].expect["/a~2"] must be a claim\'s name or a JSON pointer',
  ),
  issuer("an expected list in a list", `${plain}    expect: { a: [⟦[b]] }\n`, "issuers[0].expect.a[0] must be text"),
  issuer("an expected number that is no whole one", `${plain}    expect: { a: ⟦1.5 }\n`, "issuers[0].expect.a must be text, a number"),
  issuer(
    "an expected text with another key",
    `${plain}    expect: { a: { ⟦ends: b } }\n`,
    "issuers[0].expect.a.ends is not a known key",
    2,
  ),
  issuer("a stale time beyond a day", `${plain}    jwks_stale_max: ⟦25h\n`, "issuers[0].jwks_stale_max must be at most 24h"),
  issuer("an authority for a file", `${plain}    jwks_ca: ⟦keys.json\n`, "issuers[0].jwks_ca is for a URL only"),
  issuer(
    "an authority that is no certificate",
    plain.replace("keys.json", "https://id.example.com/k").concat("    jwks_ca: ⟦keys.json\n"),
    "issuers[0].jwks_ca names a file without a PEM certificate",
  ),
  issuer(
    "a fixed tenant and a claim",
    `${plain}    claims: { tenant: ⟦{ is: acme_co, claim: tid } }\n`,
    "issuers[0].claims.tenant must be a claim's name",
  ),
  issuer("a fixed tenant of nothing", `${plain}    claims: { tenant: ⟦{} }\n`, "issuers[0].claims.tenant must be a claim's name"),
  issuer(
    "a fixed tenant that no token could name",
    `${plain}    claims: { tenant: ⟦{ is: " acme" } }\n`,
    "issuers[0].claims.tenant must be a claim's name",
  ),
  issuer("a condition without a claim", `${plain}    claims: { user: ⟦{ when: scp } }\n`, "issuers[0].claims.user must be a claim's name"),
  issuer("a source with an unknown key", `${plain}    claims: { user: { ⟦if: scp } }\n`, "issuers[0].claims.user.if is not a known key"),
  issuer("subjects of nobody", `${plain}    subjects: ⟦{}\n`, "issuers[0].subjects must name at least one subject"),
  issuer(
    "a subject's unknown key",
    `${plain}    subjects: { a: { ⟦agents: b } }\n`,
    "issuers[0].subjects.a.agents is not a known key; did you mean agent?",
  ),
  issuer(
    "a subject's tenant that is none",
    `${plain}    subjects: { a: { tenant: ⟦"A B" } }\n`,
    "issuers[0].subjects.a.tenant must be a name",
  ),
  issuer(
    "a subject claim without subjects",
    `${plain}    subject_claim: ⟦azp\n`,
    "issuers[0].subject_claim is for `subjects`, and there are none",
  ),
  issuer(
    "a preset that nobody knows",
    plain.replace("- issuer", "- preset: ⟦entraid\n    issuer"),
    "issuers[0].preset must be one of entra, google",
  ),
  issuer(
    "the issuer of every Entra tenant",
    entra
      .replace("https://login.microsoftonline.com/8f1b3a52-7d04-4a6e-9b0c-2f2f60a1c111", "⟦https://login.microsoftonline.com/common")
      .concat("    claims: { tenant: { is: a } }\n"),
    "issuers[0].issuer must be like https://login.microsoftonline.com/<tenant id>/v2.0",
  ),
  issuer("a preset without a tenant", `  - ⟦${entra.slice(4)}`, "issuers[0].claims.tenant is required with this preset"),
  issuer(
    "a subject without a tenant",
    `${entra}    subjects: { a: { tenant: t }, b: ⟦{ agent: c } }\n`,
    "issuers[0].subjects.b.tenant is required",
  ),
  issuer("a shared issuer that takes everybody", github.replace("- preset", "- ⟦preset"), "issuers[0].expect must say whose tokens count"),
  issuer(
    "a shared issuer pinned by what anybody can have",
    `${github}    expect: ⟦{ ref: refs/heads/main }\n`,
    "issuers[0].expect must say whose tokens count",
  ),
  issuer(
    "a trust domain behind a URL that is not named",
    "  - ⟦preset: spiffe\n    issuer: https://oidc.example.com\n    jwks: keys.json\n    audience: a\n    claims: { tenant: { is: a } }\n",
    "issuers[0].expect must say whose tokens count",
  ),
  issuer(
    "a trust domain without the preset",
    plain.replace("https://id.example.com/agents", "⟦spiffe://a.example"),
    "issuers[0].issuer must be a URL, or needs `preset: spiffe`",
  ),
  row(
    "people of a preset that has none",
    gateway,
    "    - issuer: https://id.example.com/people\n      jwks: https://id.example.com/people.json\n",
    "    - preset: ⟦github_actions\n",
    "people.issuers[0].preset is for agents only",
  ),
  revocations("revocations that are not there", "{ list: ⟦none.json }", "revocations.list names a file that does not exist"),
  revocations("revocations that are no list", "{ list: ⟦keys.json }", "revocations.list names a list that has the unknown member"),
  revocations("revocations over plain http", "{ list: ⟦http://id.example.com/r }", "revocations.list must be https"),
  revocations(
    "revocations that are stale before they are read again",
    "{ list: https://id.example.com/r, poll: 10s, stale_after: ⟦10s }",
    "revocations.stale_after must be longer than revocations.poll",
  ),
];
