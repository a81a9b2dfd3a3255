import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Provider, { type Configuration, type JWK } from "oidc-provider";

/** What a token endpoint answers. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly expires_in: number;
  readonly scope?: string;
  readonly id_token?: string;
  readonly refresh_token?: string;
}

/** A real OpenID provider on loopback, made of `oidc-provider`, with one confidential client. */
export interface IdentityProvider {
  readonly issuer: string;
  readonly jwksUrl: string;
  readonly client: { readonly id: string; readonly secret: string };
  /** Client credentials (RFC 6749 section 4.4), with a resource indicator (RFC 8707) unless null: then the token is opaque. */
  clientToken(request: { readonly resource: string | null; readonly scope?: string }): Promise<TokenAnswer>;
  /** Logs a person in by the authorization code flow with PKCE, pages and cookies included. */
  login(person: string, request: { readonly resource: string; readonly scope?: string }): Promise<TokenAnswer>;
  refresh(refreshToken: string, request: { readonly resource: string }): Promise<TokenAnswer>;
  /** Publishes these keys from now on and signs with the first; a name is always the same key. */
  useKeys(...names: readonly string[]): void;
  /** Life of access tokens issued from now on, in seconds. Default 600. */
  setTokenSeconds(seconds: number): void;
  /** Further claims of access tokens issued from now on. */
  setClaims(claims: Readonly<Record<string, unknown>>): void;
  /** Requests for the key set so far. */
  keyReads(): number;
  close(): Promise<void>;
}

export interface IdentityProviderOptions {
  /** Client id; the subject of client-credentials tokens. */
  readonly clientId: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Scopes that resources offer. */
  readonly scopes?: readonly string[];
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const redirectUri = "http://127.0.0.1/callback";
const redirectsMax = 10;

/** Starts a provider on a free port. Access tokens for a resource are RFC 9068 JWTs signed ES256, and carry the claims of the options. */
export async function startIdentityProvider({ clientId, claims, scopes = [] }: IdentityProviderOptions): Promise<IdentityProvider> {
  const secret = randomBytes(24).toString("base64url");
  const made = new Map<string, JWK>();
  const state = { seconds: 600, claims, keyReads: 0 };
  let handle: Handler = () => undefined;
  const server = createServer((request, response) => {
    if (request.url === "/jwks") state.keyReads += 1;
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const useKeys = (...names: readonly string[]): void => {
    handle = handlerOf(issuer, {
      ...configurationOf(state, { clientId, secret, scopes }),
      jwks: { keys: names.map((name) => keyOf(made, name)) },
    });
  };
  useKeys("first");
  const ask = (form: Record<string, string>): Promise<TokenAnswer> => askForToken(`${issuer}/token`, { id: clientId, secret }, form);
  return {
    issuer,
    jwksUrl: `${issuer}/jwks`,
    client: { id: clientId, secret },
    clientToken: ({ resource, scope }) => ask({ grant_type: "client_credentials", ...given({ resource, scope }) }),
    login: (person, { resource, scope }) =>
      logIn({ issuer, clientId, ask }, person, { resource, scope: ["openid", scope].filter(Boolean).join(" ") }),
    refresh: (refreshToken, { resource }) => ask({ grant_type: "refresh_token", refresh_token: refreshToken, resource }),
    useKeys,
    setTokenSeconds: (seconds) => void (state.seconds = seconds),
    setClaims: (changed) => void (state.claims = changed),
    keyReads: () => state.keyReads,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function given(values: Readonly<Record<string, string | null | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function keyOf(made: Map<string, JWK>, name: string): JWK {
  const known = made.get(name);
  if (known !== undefined) return known;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { ...privateKey.export({ format: "jwk" }), kid: name, alg: "ES256", use: "sig" } as JWK;
  made.set(name, key);
  return key;
}

interface Subject {
  readonly clientId: string;
  readonly secret: string;
  readonly scopes: readonly string[];
}

function configurationOf(
  state: { readonly seconds: number; readonly claims: object },
  { clientId, secret, scopes }: Subject,
): Configuration {
  return {
    clients: [
      {
        client_id: clientId,
        client_secret: secret,
        grant_types: ["authorization_code", "client_credentials", "refresh_token"],
        redirect_uris: [redirectUri],
        id_token_signed_response_alg: "ES256",
      },
    ],
    scopes: ["openid", ...scopes],
    cookies: { keys: [secret] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: scopes.join(" "),
          audience: resource,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "ES256" } },
        }),
        useGrantedResource: () => true,
      },
    },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    extraTokenClaims: (_context, token) => ({ ...state.claims, ...("accountId" in token ? { user: token.accountId } : {}) }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    // Nobody is asked to consent: the grant covers what the request names.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({ clientId, accountId: oidc.session?.accountId ?? "" });
      grant.addOIDCScope(["openid", ...scopes].join(" "));
      for (const resource of [oidc.params?.["resource"]].flat())
        if (typeof resource === "string") grant.addResourceScope(resource, scopes.join(" "));
      await grant.save();
      return grant;
    },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    ttl: {
      AccessToken: () => state.seconds,
      AuthorizationCode: 60,
      ClientCredentials: () => state.seconds,
      Grant: 3600,
      IdToken: 600,
      Interaction: 600,
      RefreshToken: 3600,
      Session: 3600,
    },
  };
}

/** The provider, and a login page that believes its query. */
function handlerOf(issuer: string, configuration: Configuration): Handler {
  const provider = new Provider(issuer, configuration);
  const serve = provider.callback();
  return (request, response) => {
    if (request.url?.startsWith("/interaction/") !== true) return void serve(request, response);
    provider
      .interactionDetails(request, response)
      .then(({ params }) => provider.interactionFinished(request, response, { login: { accountId: String(params["login_hint"]) } }))
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  };
}

async function askForToken(
  url: string,
  { id, secret }: { id: string; secret: string },
  form: Record<string, string>,
): Promise<TokenAnswer> {
  const authorization = `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`;
  const response = await fetch(url, { method: "POST", headers: { authorization }, body: new URLSearchParams(form) });
  const answer = (await response.json()) as TokenAnswer;
  if (!response.ok) throw new Error(`the provider answered ${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

interface LoginClient {
  readonly issuer: string;
  readonly clientId: string;
  readonly ask: (form: Record<string, string>) => Promise<TokenAnswer>;
}

async function logIn(
  { issuer, clientId, ask }: LoginClient,
  person: string,
  asked: { resource: string; scope: string },
): Promise<TokenAnswer> {
  const verifier = randomBytes(32).toString("base64url");
  const query = {
    ...{ response_type: "code", client_id: clientId, redirect_uri: redirectUri, login_hint: person, nonce: "n-1", ...asked },
    ...{ code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256" },
  };
  const code = await followToCode(`${issuer}/auth?${new URLSearchParams(query).toString()}`);
  return ask({ grant_type: "authorization_code", code, redirect_uri: redirectUri, code_verifier: verifier, resource: asked.resource });
}

/** What a browser does: redirects and cookies, up to the client's own address. */
async function followToCode(start: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = start;
  for (let step = 0; step < redirectsMax; step += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { redirect: "manual", headers: { cookie } });
    for (const set of response.headers.getSetCookie()) {
      const [pair = ""] = set.split(";");
      cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    const location = response.headers.get("location");
    if (location === null) throw new Error(`the login stopped with ${response.status}: ${await response.text()}`);
    url = new URL(location, url).href;
    const code = url.startsWith(redirectUri) ? new URL(url).searchParams.get("code") : null;
    if (url.startsWith(redirectUri) && code === null) throw new Error(`the login was refused: ${url}`);
    if (code !== null) return code;
  }
  throw new Error(`the login took more than ${redirectsMax} redirects`);
}
