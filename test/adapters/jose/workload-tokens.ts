import { nowS } from "./forge.ts";
import type { PresetCase } from "./preset-case.ts";

const unfit = "ERR_TOKEN_CLAIMS";
const untrusted = "ERR_TOKEN_UNTRUSTED";
const span = { iat: nowS - 60, exp: nowS + 840 };

/** The providers whose tokens name workloads and never people. */
export const presetCasesOfWorkloads: readonly PresetCase[] = [
  {
    preset: "google",
    yaml: "claims: { tenant: { is: acme_co } }\n    expect: { email: [billing@acme-prod.iam.gserviceaccount.com, deploy@acme-prod.iam.gserviceaccount.com] }",
    audience: "https://sallyport.acme.example",
    header: { typ: "JWT", alg: "RS256", kid: "k" },
    claims: {
      iss: "https://accounts.google.com",
      aud: "https://sallyport.acme.example",
      azp: "113774264463038321964",
      email: "billing@acme-prod.iam.gserviceaccount.com",
      email_verified: true,
      sub: "113774264463038321964",
      ...span,
    },
    signAs: "RS256",
    principal: { agent: "billing@acme-prod.iam.gserviceaccount.com", tenant: "acme_co" },
    alsoGood: [
      {
        title: "from a virtual machine",
        claims: { google: { compute_engine: { project_id: "acme-prod", instance_name: "vm-1" } } },
        principal: {},
      },
    ],
    nearMisses: [
      { title: "a person's ID token", code: unfit, claims: { email: "ada@acme.example", hd: "acme.example" } },
      { title: "a person's ID token of a login", code: untrusted, claims: { at_hash: "HK6E_P6Dh8Y93mRNtsDB1Q" } },
      { title: "a stranger's service account", code: unfit, claims: { email: "evil@stranger.iam.gserviceaccount.com" } },
      { title: "an address that only ends so", code: unfit, claims: { email: "billing@acme-prod.iam.gserviceaccount.com.evil.example" } },
      { title: "an address that is not verified", code: unfit, claims: { email_verified: false } },
      { title: "verified as text", code: unfit, claims: { email_verified: "true" } },
      { title: "no address (format=standard)", code: unfit, claims: { email: undefined, email_verified: undefined } },
      { title: "another audience", code: unfit, claims: { aud: "https://other.acme.example" } },
      { title: "the issuer without https", code: untrusted, claims: { iss: "accounts.google.com" } },
      { title: "no typ", code: untrusted, header: { typ: undefined } },
    ],
  },
  {
    preset: "aws_sts",
    yaml: `issuer: https://abc123-def456.tokens.sts.global.api.aws
    expect: { "/https:~1~1sts.amazonaws.com~1/aws_account": "123456789012" }
    subjects: { "arn:aws:iam::123456789012:role/Billing": { agent: billing, tenant: acme_co, workflow: disputes } }`,
    audience: "https://sallyport.acme.example",
    header: { typ: "JWT", alg: "ES384", kid: "es384" },
    claims: {
      iss: "https://abc123-def456.tokens.sts.global.api.aws",
      aud: "https://sallyport.acme.example",
      sub: "arn:aws:iam::123456789012:role/Billing",
      ...span,
      jti: "xyz123-def456",
      "https://sts.amazonaws.com/": {
        aws_account: "123456789012",
        source_region: "eu-central-1",
        org_id: "o-abc1234567",
        principal_tags: { team: "payments" },
        request_tags: { tenant: "globex" },
      },
    },
    signAs: "ES384",
    principal: { agent: "billing", tenant: "acme_co", workflow: "disputes", tokenId: "xyz123-def456" },
    alsoGood: [{ title: "without tags", claims: { "https://sts.amazonaws.com/": { aws_account: "123456789012" } }, principal: {} }],
    nearMisses: [
      { title: "another role of the account", code: unfit, claims: { sub: "arn:aws:iam::123456789012:role/Intern" } },
      { title: "another account", code: unfit, claims: { "https://sts.amazonaws.com/": { aws_account: "999999999999" } } },
      { title: "another account's issuer", code: untrusted, claims: { iss: "https://zzz.tokens.sts.global.api.aws" } },
      { title: "no account", code: unfit, claims: { "https://sts.amazonaws.com/": {} } },
      { title: "another audience", code: unfit, claims: { aud: "https://api.openai.com/v1" } },
      { title: "no id", code: unfit, claims: { jti: undefined } },
      { title: "no typ", code: untrusted, header: { typ: undefined } },
      { title: "ES256", code: untrusted, header: { alg: "ES256", kid: "ec" }, signAs: "ES256" },
    ],
  },
  {
    preset: "kubernetes",
    yaml: `issuer: https://kubernetes.default.svc.cluster.local
    expect: { /kubernetes.io/namespace: agents }
    claims: { tenant: { is: acme_co } }`,
    audience: "sallyport",
    header: { alg: "RS256", kid: "k" },
    claims: {
      aud: ["sallyport"],
      exp: nowS + 3_000,
      iat: nowS - 607,
      nbf: nowS - 607,
      iss: "https://kubernetes.default.svc.cluster.local",
      jti: "aed34954-b33a-4142-b1ec-389d6bbb4936",
      "kubernetes.io": {
        namespace: "agents",
        node: { name: "node-1", uid: "646e7c5e" },
        pod: { name: "billing-0", uid: "5e0bd49b" },
        serviceaccount: { name: "billing", uid: "14ee3fa4" },
      },
      sub: "system:serviceaccount:agents:billing",
    },
    signAs: "RS256",
    principal: { agent: "system:serviceaccount:agents:billing", tenant: "acme_co", tokenId: "aed34954-b33a-4142-b1ec-389d6bbb4936" },
    alsoGood: [
      {
        title: "of an older cluster, bound to no pod",
        claims: { jti: undefined, "kubernetes.io": { namespace: "agents", serviceaccount: { name: "billing", uid: "14ee3fa4" } } },
        principal: { tokenId: null },
      },
    ],
    nearMisses: [
      { title: "a token for the API server", code: unfit, claims: { aud: ["https://kubernetes.default.svc.cluster.local"] } },
      {
        title: "a token for the API server too",
        code: unfit,
        claims: { aud: ["sallyport", "https://kubernetes.default.svc.cluster.local"] },
      },
      {
        title: "another namespace",
        code: unfit,
        claims: {
          sub: "system:serviceaccount:shop:billing",
          "kubernetes.io": { namespace: "shop", serviceaccount: { name: "billing", uid: "1" } },
        },
      },
      { title: "another cluster", code: untrusted, claims: { iss: "https://other.cluster" } },
      {
        title: "a token of the old kind, from a Secret",
        code: untrusted,
        claims: { iss: "kubernetes/serviceaccount", exp: undefined, "kubernetes.io": undefined },
      },
      { title: "no expiry", code: unfit, claims: { exp: undefined } },
      { title: "no service account", code: unfit, claims: { "kubernetes.io": { namespace: "agents" } } },
      { title: "a subject that is no service account", code: unfit, claims: { sub: "system:node:node-1" } },
      { title: "typ JWT", code: untrusted, header: { typ: "JWT" } },
    ],
  },
  {
    preset: "spiffe",
    yaml: `issuer: spiffe://prod.acme.example
    max_age: 1h
    subjects:
      "spiffe://prod.acme.example/ns/agents/sa/billing": { agent: billing, tenant: acme_co }`,
    audience: "spiffe://prod.acme.example/sallyport",
    header: { alg: "ES256", kid: "ec", typ: "JWT" },
    claims: {
      sub: "spiffe://prod.acme.example/ns/agents/sa/billing",
      aud: ["spiffe://prod.acme.example/sallyport"],
      exp: nowS + 300,
    },
    signAs: "ES256",
    principal: { agent: "billing", tenant: "acme_co", issuer: "spiffe://prod.acme.example", tokenId: null },
    alsoGood: [
      { title: "of typ JOSE, with iat", header: { typ: "JOSE" }, claims: { iat: nowS - 10 }, principal: {} },
      { title: "without typ", header: { typ: undefined }, claims: {}, principal: {} },
    ],
    nearMisses: [
      { title: "another workload", code: unfit, claims: { sub: "spiffe://prod.acme.example/ns/agents/sa/intern" } },
      { title: "another trust domain", code: untrusted, claims: { sub: "spiffe://evil.example/ns/agents/sa/billing" } },
      {
        title: "a trust domain that begins like ours",
        code: untrusted,
        claims: { sub: "spiffe://prod.acme.example.evil.example/ns/agents/sa/billing" },
      },
      { title: "a trust domain in capitals", code: untrusted, claims: { sub: "spiffe://PROD.acme.example/ns/agents/sa/billing" } },
      { title: "another audience", code: unfit, claims: { aud: ["spiffe://prod.acme.example/other"] } },
      { title: "no expiry", code: unfit, claims: { exp: undefined } },
      { title: "an expiry beyond the maximum age", code: unfit, claims: { exp: nowS + 3_700 } },
      { title: "an issuer of somebody else", code: untrusted, claims: { iss: "https://oidc.evil.example" } },
      { title: "no subject", code: untrusted, claims: { sub: undefined } },
      { title: "typ at+jwt", code: untrusted, header: { typ: "at+jwt" } },
    ],
  },
  {
    preset: "github_actions",
    yaml: `expect: { repository_owner_id: "9919", ref: [refs/heads/main, refs/heads/release] }
    claims: { tenant: { is: acme_co }, workflow: { is: deploys } }`,
    audience: "sallyport",
    header: { typ: "JWT", alg: "RS256", x5t: "eBZ_cn3sXYAd0ch4THBKHIgOwOE", kid: "k" },
    claims: {
      jti: "example-id",
      sub: "repo:acme/payments:environment:prod",
      environment: "prod",
      aud: "sallyport",
      ref: "refs/heads/main",
      sha: "example-sha",
      repository: "acme/payments",
      repository_owner: "acme",
      actor_id: "12",
      repository_visibility: "private",
      repository_id: "74",
      repository_owner_id: "9919",
      run_id: "8888",
      run_number: "10",
      run_attempt: "2",
      runner_environment: "github-hosted",
      actor: "ada",
      workflow: "deploy",
      head_ref: "",
      base_ref: "",
      event_name: "workflow_dispatch",
      ref_type: "branch",
      workflow_ref: "acme/payments/.github/workflows/deploy.yml@refs/heads/main",
      job_workflow_ref: "acme/automation/.github/workflows/oidc.yml@refs/heads/main",
      iss: "https://token.actions.githubusercontent.com",
      nbf: nowS - 60,
      exp: nowS + 840,
      iat: nowS - 60,
    },
    signAs: "RS256",
    principal: { agent: "acme/payments", tenant: "acme_co", run: "8888", workflow: "deploys", environment: "production", user: null },
    alsoGood: [
      { title: "without an environment", claims: { environment: undefined, sub: "repo:acme/payments:ref:refs/heads/main" }, principal: {} },
    ],
    nearMisses: [
      {
        title: "a stranger's repository",
        code: unfit,
        claims: {
          repository: "evil/payments",
          repository_owner: "evil",
          repository_owner_id: "666",
          sub: "repo:evil/payments:ref:refs/heads/main",
        },
      },
      { title: "a repository of an owner who took our name", code: unfit, claims: { repository_owner_id: "667" } },
      { title: "a branch that anybody may push", code: unfit, claims: { ref: "refs/heads/feature" } },
      {
        title: "a pull request",
        code: unfit,
        claims: { ref: "refs/pull/7/merge", event_name: "pull_request", sub: "repo:acme/payments:pull_request" },
      },
      { title: "GitHub's own audience", code: unfit, claims: { aud: "https://github.com/acme" } },
      { title: "another issuer of GitHub", code: untrusted, claims: { iss: "https://token.actions.githubusercontent.com/acme" } },
      { title: "no repository id", code: unfit, claims: { repository_id: undefined } },
      { title: "no run", code: unfit, claims: { run_id: undefined } },
      { title: "a subject of another kind", code: unfit, claims: { sub: "user:ada" } },
      { title: "typ at+jwt", code: untrusted, header: { typ: "at+jwt" } },
    ],
  },
];
