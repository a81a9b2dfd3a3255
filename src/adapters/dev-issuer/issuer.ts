import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { SignJWT } from "jose";
import type { Role } from "../../rules/principal.ts";
import type { IssuerConfig } from "../jose/issuer.ts";
import { type DevKey, readOrMakeKey } from "./key-file.ts";

/** Longest life of a development token: 24 hours. */
export const devTokenTtlMsMax = 86_400_000;

export interface DevAgent {
  readonly agent: string;
  readonly tenant: string;
  readonly workflow?: string;
  readonly run?: string;
  readonly user?: { readonly id: string; readonly groups: readonly string[] };
  /** Absent means `production`, as in any token. */
  readonly environment?: string;
  /** 1,000 to 86,400,000 ms; counted in whole seconds. */
  readonly ttlMs: number;
}

export interface DevPerson {
  readonly person: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  /** 1,000 to 86,400,000 ms; counted in whole seconds. */
  readonly ttlMs: number;
}

/** The people of a development set-up: one for each role, and a second approver, so that holds for two people can be tried. */
export const devPeople: readonly Omit<DevPerson, "ttlMs">[] = [
  { person: "viewer", name: "Vera Viewer", roles: ["viewer"], groups: [] },
  { person: "approver", name: "Ada Approver", roles: ["viewer", "approver"], groups: ["finance", "release"] },
  { person: "approver2", name: "Abel Approver", roles: ["viewer", "approver"], groups: ["finance", "release"] },
  { person: "operator", name: "Otto Operator", roles: ["viewer", "operator"], groups: [] },
  { person: "auditor", name: "Aude Auditor", roles: ["viewer", "auditor"], groups: [] },
  { person: "admin", name: "Amal Admin", roles: ["viewer", "admin"], groups: [] },
];

/** Issuers for development, with the keys to mint for them. */
export interface DevIssuer {
  readonly agentIssuer: IssuerConfig;
  readonly peopleIssuer: IssuerConfig;
  mintAgentToken(agent: DevAgent): Promise<string>;
  mintPersonToken(person: DevPerson): Promise<string>;
}

/**
 * Opens the development issuers; their keys are made on first use in `<folder>/dev/`, for their owner only. `nowMs` is the clock that tokens are
 * dated by, default the system's. Call `assertDevAllowed` first: whoever can reach a gateway with these issuers and read that folder is anybody.
 */
export function openDevIssuer(folder: string, nowMs: () => number = Date.now): DevIssuer {
  const agents = readOrMakeKey(join(folder, "dev", "agents.pem"), "dev-agents");
  const people = readOrMakeKey(join(folder, "dev", "people.pem"), "dev-people");
  const agentIssuer = issuerOf("https://dev.sallyport.local/agents", "sallyport", agents);
  const peopleIssuer = issuerOf("https://dev.sallyport.local/people", "sallyport-people", people);
  return {
    agentIssuer,
    peopleIssuer,
    mintAgentToken: ({ agent, user, ttlMs, tenant, workflow, run, environment }) => {
      const delegation = user === undefined ? {} : { user: user.id, user_groups: user.groups };
      const claims = { sub: agent, tenant, ...stated({ workflow, run, environment }), ...delegation };
      return mint(agentIssuer, agents, claims, ttlMs, nowMs());
    },
    mintPersonToken: ({ person, name, roles, groups, ttlMs }) =>
      mint(peopleIssuer, people, { sub: person, name, roles, groups }, ttlMs, nowMs()),
  };
}

type OwnIssuer = IssuerConfig & { readonly audience: string };

function issuerOf(issuer: string, audience: string, key: DevKey): OwnIssuer {
  return { issuer, audience, jwks: { keys: { keys: [key.publicJwk] } }, algorithms: ["ES256"], typ: ["at+jwt"] };
}

function stated(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

async function mint(issuer: OwnIssuer, key: DevKey, claims: Record<string, unknown>, ttlMs: number, nowMs: number): Promise<string> {
  if (!(ttlMs >= 1_000 && ttlMs <= devTokenTtlMsMax)) throw new RangeError(`ttlMs must be 1,000 to ${devTokenTtlMsMax}, not ${ttlMs}`);
  const iat = Math.floor(nowMs / 1000);
  return new SignJWT({ ...claims, iss: issuer.issuer, aud: issuer.audience, iat, exp: iat + Math.floor(ttlMs / 1000), jti: randomUUID() })
    .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: key.kid })
    .sign(key.privateKey);
}
