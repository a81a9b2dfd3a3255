import { SignJWT } from "jose";
import type { AgentTokens, RunTokenRequest, RunTokens } from "../../ports/tokens.ts";
import { type ClaimMapping, principalFromClaims } from "../../rules/claims.ts";
import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import type { JsonObject } from "../../rules/json.ts";
import type { Principal } from "../../rules/principal.ts";
import { tokenLengthMax } from "../jose/gate.ts";
import { openTokens } from "../jose/tokens.ts";
import { readOrMakeRunKey } from "./key-file.ts";

export interface RunTokensOptions {
  /** File of the signing key; made when it is not there. */
  readonly keyFile: string;
  /** Whether tokens of this issuer are accepted today: what an issuer's token opened ends with the issuer. */
  readonly isTrusted: (issuer: string) => boolean;
}

/** A type of its own, so that no token of another kind passes for one of these, nor one of these for another kind (RFC 8725 section 3.11). */
const type = "sallyport-run+jwt";
const algorithm = "EdDSA";

/**
 * Run tokens: signed by this gateway, for itself alone. Issuer and audience are one name made from the key's own thumbprint, so that the token of another
 * gateway, or of a key that was replaced, is a stranger's. The claims are those of the opening token's principal and the run, and `opened_by`.
 */
export function openRunTokens({ keyFile, isTrusted }: RunTokensOptions): RunTokens & {
  /** The same verifier, which takes this gateway's run tokens besides. */
  readonly beside: (others: Pick<AgentTokens, "verify">) => Pick<AgentTokens, "verify">;
} {
  const { privateKey, publicJwk, thumbprint } = readOrMakeRunKey(keyFile);
  const name = `urn:sallyport:runs:${thumbprint}`;
  const header = { alg: algorithm, typ: type, kid: thumbprint } as const;
  const issuer = { issuer: name, audience: name, jwks: { keys: { keys: [publicJwk] } }, algorithms: [algorithm], typ: [type] } as const;
  const own = openTokens<Principal>([{ ...issuer, requiredClaims: ["sub", "jti", "run", "opened_by"] }], {}, (claims, mapping) =>
    readPrincipal(claims, mapping, name, isTrusted),
  );
  // Our own headers are all alike, so their text tells whose token it is. Whatever looks otherwise goes to the issuers, none of which has this name.
  const prefix = `${Buffer.from(JSON.stringify(header)).toString("base64url")}.`;
  return {
    async mint(request) {
      const token = await new SignJWT(claimsOf(request, name)).setProtectedHeader(header).sign(privateKey);
      return token.length <= tokenLengthMax ? token : deny("ERR_RUN_TOKEN", "The token names too many groups for a run token.");
    },
    beside: (others) => ({
      verify: (token, nowMs) => (typeof token === "string" && token.startsWith(prefix) ? own : others).verify(token, nowMs),
    }),
  };
}

function claimsOf({ principal, run, nowMs, expiresAtMs }: RunTokenRequest, name: string): Record<string, unknown> {
  const { agent, tenant, environment, workflow, user } = principal;
  return {
    iss: name,
    aud: name,
    sub: agent,
    tenant,
    environment,
    ...(workflow === null ? {} : { workflow }),
    ...(user === null ? {} : { user: user.id, user_groups: user.groups }),
    run,
    jti: run,
    iat: Math.floor(nowMs / 1000),
    exp: Math.floor(expiresAtMs / 1000),
    opened_by: openerOf(principal),
  };
}

/** What of the opening token has to outlive it: what revocations name, and who had acted before. */
function openerOf({ issuer, tokenId, issuedAtMs, earlierActors }: Principal): JsonObject {
  return {
    iss: issuer,
    ...(tokenId === null ? {} : { jti: tokenId }),
    ...(issuedAtMs === undefined ? {} : { iat_ms: issuedAtMs }),
    ...(earlierActors === undefined ? {} : { actors: [...earlierActors] }),
  };
}

/**
 * Who calls is who opened the run: issuer, id and date are those of the opening token, so that whatever ends that token ends this one. The claim is signed by
 * us, so its members are of the right types, or absent.
 */
function readPrincipal(
  claims: JsonObject,
  mapping: ClaimMapping,
  name: string,
  isTrusted: (issuer: string) => boolean,
): Principal | Denial {
  const principal = principalFromClaims(claims, mapping, name);
  if (isDenial(principal)) return principal;
  const { iss, jti = null, iat_ms: issuedAtMs, actors } = claims["opened_by"] as unknown as Opener;
  if (!isTrusted(iss)) return deny("ERR_TOKEN_UNTRUSTED", "The issuer of the token that opened this run is not configured any more.");
  const { issuedAtMs: _own, tokenId, ...rest } = principal;
  return Object.freeze({
    ...rest,
    issuer: iss,
    tokenId: jti,
    ...(issuedAtMs === undefined ? {} : { issuedAtMs }),
    ...(actors === undefined ? {} : { earlierActors: actors }),
    runToken: { issuer: name, tokenId: tokenId ?? "" },
  });
}

interface Opener {
  readonly iss: string;
  readonly jti?: string;
  readonly iat_ms?: number;
  readonly actors?: readonly string[];
}
