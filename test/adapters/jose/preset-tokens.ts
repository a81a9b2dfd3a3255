import { nowS } from "./forge.ts";
import type { PresetCase } from "./preset-case.ts";
import { presetCasesOfWorkloads } from "./workload-tokens.ts";

const unfit = "ERR_TOKEN_CLAIMS";
const untrusted = "ERR_TOKEN_UNTRUSTED";
const tid = "8f1b3a52-7d04-4a6e-9b0c-2f2f60a1c111";
const client = "5d6d1c6e-31c0-4f7b-9f39-5b1f5a0a2222";
const object = "3a9b6f2c-0000-4c59-8d8e-7f6e5d4c3333";
const times = { iat: nowS - 60, nbf: nowS - 60, exp: nowS + 3_000 };
const span = { iat: nowS - 60, exp: nowS + 840 };

/** Every preset, the providers of people first. */
export const presetCases: readonly PresetCase[] = [
  {
    preset: "entra",
    yaml: `issuer: https://login.microsoftonline.com/${tid}/v2.0\n    claims: { tenant: { is: acme_co } }`,
    audience: "api-client-id",
    header: { typ: "JWT", alg: "RS256", kid: "k" },
    claims: {
      iss: `https://login.microsoftonline.com/${tid}/v2.0`,
      aud: "api-client-id",
      ...times,
      aio: "k2RgYHi/opaque",
      azp: client,
      azpacr: "1",
      idtyp: "app",
      oid: object,
      rh: "1.opaque.",
      roles: ["Calls.Send"],
      sub: object,
      tid,
      uti: "uti-opaque",
      ver: "2.0",
    },
    signAs: "RS256",
    principal: { agent: client, tenant: "acme_co", tokenId: "uti-opaque", user: null },
    alsoGood: [
      {
        title: "on behalf of a person",
        claims: { idtyp: undefined, scp: "Calls.Send", sub: "pairwise-subject", name: "Ada" },
        principal: { user: { id: object, groups: [] } },
      },
    ],
    nearMisses: [
      { title: "an ID token", code: unfit, claims: { azp: undefined, azpacr: undefined, preferred_username: "ada@acme.example" } },
      { title: "an ID token with a nonce", code: untrusted, claims: { nonce: "n-1" } },
      { title: "another audience", code: unfit, claims: { aud: "00000003-0000-0000-c000-000000000000" } },
      { title: "another tenant under our issuer", code: unfit, claims: { tid: "11111111-7d04-4a6e-9b0c-2f2f60a1c111" } },
      { title: "another tenant's issuer", code: untrusted, claims: { iss: `https://login.microsoftonline.com/${object}/v2.0` } },
      { title: "the issuer of every tenant", code: untrusted, claims: { iss: "https://login.microsoftonline.com/common/v2.0" } },
      { title: "a version 1 token", code: untrusted, claims: { iss: `https://sts.windows.net/${tid}/`, ver: "1.0", appid: client } },
      { title: "version 1 inside", code: unfit, claims: { ver: "1.0" } },
      { title: "no client", code: unfit, claims: { azp: undefined } },
      { title: "no tenant id", code: unfit, claims: { tid: undefined } },
      { title: "typ at+jwt", code: untrusted, header: { typ: "at+jwt" } },
      { title: "no typ", code: untrusted, header: { typ: undefined } },
      { title: "ES256", code: untrusted, header: { alg: "ES256", kid: "ec" }, signAs: "ES256" },
    ],
  },
  {
    preset: "auth0",
    yaml: `issuer: https://acme.eu.auth0.com/
    claims: { tenant: "https://acme.example/tenant" }`,
    audience: "https://sallyport.acme.example",
    header: { typ: "JWT", alg: "RS256", kid: "k" },
    claims: {
      iss: "https://acme.eu.auth0.com/",
      sub: "K1AUPhZq8mRi0Q0p@clients",
      aud: "https://sallyport.acme.example",
      ...span,
      scope: "call:tools",
      gty: "client-credentials",
      azp: "K1AUPhZq8mRi0Q0p",
      "https://acme.example/tenant": "acme_co",
    },
    signAs: "RS256",
    principal: { agent: "K1AUPhZq8mRi0Q0p", tenant: "acme_co", user: null },
    alsoGood: [
      {
        title: "of the RFC 9068 profile",
        header: { typ: "at+jwt" },
        claims: { azp: undefined, gty: undefined, client_id: "K1AUPhZq8mRi0Q0p", jti: "73Wakr" },
        principal: { tokenId: "73Wakr" },
      },
      {
        title: "for a person who logged in",
        claims: {
          sub: "auth0|6553da60",
          gty: undefined,
          aud: ["https://sallyport.acme.example", "https://acme.eu.auth0.com/userinfo"],
          scope: "openid call:tools",
        },
        principal: { user: { id: "auth0|6553da60", groups: [] } },
      },
    ],
    nearMisses: [
      { title: "an ID token", code: unfit, claims: { aud: "K1AUPhZq8mRi0Q0p", azp: undefined } },
      { title: "an ID token with a nonce", code: untrusted, claims: { nonce: "n" } },
      { title: "a token for userinfo alone", code: unfit, claims: { aud: "https://acme.eu.auth0.com/userinfo" } },
      {
        title: "a token for the management API too",
        code: unfit,
        claims: { aud: ["https://sallyport.acme.example", "https://acme.eu.auth0.com/api/v2/"] },
      },
      { title: "another Auth0 tenant", code: untrusted, claims: { iss: "https://evil.eu.auth0.com/" } },
      { title: "the issuer without its slash", code: untrusted, claims: { iss: "https://acme.eu.auth0.com" } },
      { title: "no tenant", code: unfit, claims: { "https://acme.example/tenant": undefined } },
      { title: "a tenant under the plain name only", code: unfit, claims: { "https://acme.example/tenant": undefined, tenant: "acme_co" } },
      { title: "two clients that differ", code: unfit, claims: { client_id: "another" } },
      { title: "typ id_token", code: untrusted, header: { typ: "id_token" } },
    ],
  },
  {
    preset: "okta",
    yaml: `issuer: https://acme.okta.com/oauth2/aus1a2b3c4
    claims: { tenant: { is: acme_co } }`,
    audience: "api://sallyport",
    header: { alg: "RS256", kid: "k" },
    claims: {
      ver: 1,
      jti: "AT.0mP4JKAZX1iACIT4",
      iss: "https://acme.okta.com/oauth2/aus1a2b3c4",
      aud: "api://sallyport",
      ...span,
      cid: "0oa1billing",
      scp: ["call.tools"],
      sub: "0oa1billing",
    },
    signAs: "RS256",
    principal: { agent: "0oa1billing", tenant: "acme_co", user: null, tokenId: "AT.0mP4JKAZX1iACIT4" },
    alsoGood: [
      {
        title: "for a person who logged in",
        claims: { uid: "00u1ada", sub: "ada@acme.example", auth_time: nowS - 90, groups: ["support"] },
        principal: { user: { id: "00u1ada", groups: ["support"] } },
      },
    ],
    nearMisses: [
      {
        title: "an ID token",
        code: unfit,
        claims: { aud: "0oa1billing", cid: undefined, scp: undefined, auth_time: nowS - 90, amr: ["pwd"], idp: "00o1" },
      },
      { title: "an ID token with our audience", code: unfit, claims: { cid: undefined, scp: undefined } },
      { title: "an ID token with at_hash", code: untrusted, claims: { at_hash: "preview" } },
      { title: "a token of the organisation's server", code: untrusted, claims: { iss: "https://acme.okta.com" } },
      { title: "another authorization server", code: untrusted, claims: { iss: "https://acme.okta.com/oauth2/default" } },
      { title: "another audience", code: unfit, claims: { aud: "api://default" } },
      { title: "another version", code: unfit, claims: { ver: "1" } },
      { title: "no scopes", code: unfit, claims: { scp: undefined } },
      { title: "Okta's own type", code: untrusted, header: { typ: "application/okta-internal-at+jwt" } },
    ],
  },
  {
    preset: "keycloak",
    yaml: `issuer: https://id.acme.example/realms/acme
    claims: { tenant: org, environment: { is: production } }`,
    audience: "sallyport",
    header: { alg: "RS256", typ: "JWT", kid: "k" },
    claims: {
      ...span,
      jti: "trrtcc:19b582b8",
      iss: "https://id.acme.example/realms/acme",
      aud: ["sallyport", "account"],
      sub: "d952cf23-bf92-4c8f-a3ff-4972b4f2bc5b",
      typ: "Bearer",
      azp: "Billing-Agent",
      acr: "1",
      realm_access: { roles: ["default-roles-acme"] },
      scope: "profile email",
      preferred_username: "service-account-billing-agent",
      client_id: "Billing-Agent",
      org: "acme_co",
    },
    signAs: "RS256",
    principal: { agent: "Billing-Agent", tenant: "acme_co", user: null, tokenId: "trrtcc:19b582b8" },
    alsoGood: [
      {
        title: "for a person who logged in",
        claims: { preferred_username: "ada", sid: "s-1", auth_time: nowS - 90, groups: ["/support"], client_id: undefined },
        principal: { user: { id: "d952cf23-bf92-4c8f-a3ff-4972b4f2bc5b", groups: ["/support"] } },
      },
      {
        title: "for a person who has the service account of another client as a name",
        claims: { preferred_username: "service-account-other", client_id: undefined },
        principal: { user: { id: "d952cf23-bf92-4c8f-a3ff-4972b4f2bc5b", groups: [] } },
      },
    ],
    nearMisses: [
      { title: "an ID token", code: unfit, claims: { typ: "ID", aud: "sallyport" } },
      { title: "an ID token with a nonce", code: untrusted, claims: { nonce: "n", typ: "ID" } },
      { title: "a refresh token", code: unfit, claims: { typ: "Refresh" } },
      { title: "a logout token", code: untrusted, claims: { typ: "Logout", events: {} } },
      { title: "another realm", code: untrusted, claims: { iss: "https://id.acme.example/realms/master" } },
      { title: "the realm's own audience only", code: unfit, claims: { aud: "account" } },
      { title: "another client's audience beside ours", code: unfit, claims: { aud: ["sallyport", "shop"] } },
      { title: "no client", code: unfit, claims: { azp: undefined } },
      { title: "no tenant", code: unfit, claims: { org: undefined } },
      { title: "typ JOSE", code: untrusted, header: { typ: "JOSE" } },
    ],
  },
  ...presetCasesOfWorkloads,
];
