import { isId } from "./claim-values.ts";
import { isDenial } from "./denial.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import type { Principal } from "./principal.ts";
import { readJsonObject } from "./strict-json.ts";

/** What is revoked, ready to be asked. */
export interface RevocationList {
  /** `[issuer, token id]` as JSON. */
  readonly tokens: ReadonlySet<string>;
  /** Agent → the moment in Unix milliseconds before which its tokens were issued that are revoked; infinite for all of them. */
  readonly agents: ReadonlyMap<string, number>;
  /** Users and people, by their one key. */
  readonly users: ReadonlySet<string>;
}

/** Whom a revocation may name. */
export interface RevocableFacts {
  readonly issuer: string;
  readonly tokenId: string | null;
  /** Who acts and who acted before; empty for people. */
  readonly agents: readonly string[];
  readonly user: string | null;
  /** Null when it is not known. */
  readonly issuedAtMs: number | null;
}

/** Most entries in one list: to read them all takes less than a tenth of a second, in which no call is served. */
export const revocationsMax = 20_000;
/** Largest list read, in bytes: 4 MiB. */
export const revocationsBytesMax = 4 * 1_048_576;

/** A list that revokes nothing. */
export const noRevocations: RevocationList = { tokens: new Set(), agents: new Map(), users: new Set() };

/**
 * Reads a list, or answers a sentence's end that says what is wrong with it. It is read whole or not at all: an entry that cannot be understood may be
 * the one that matters. Unknown members are refused for the same reason.
 */
export function readRevocations(bytes: Uint8Array): RevocationList | string {
  const document = readJsonObject(bytes, { valuesMax: 8 * revocationsMax });
  if (isDenial(document)) return `is not one strict JSON object: ${document.detail ?? document.denied}`;
  const unknown = Object.keys(document).find((key) => !["v", "tokens", "agents", "users"].includes(key));
  if (unknown !== undefined) return `has the unknown member ${JSON.stringify(unknown)}`;
  if (document["v"] !== 1) return 'must have "v": 1';
  const { tokens = [], agents = [], users = [] } = document;
  if (!Array.isArray(tokens) || !Array.isArray(agents) || !Array.isArray(users)) return "must have lists as `tokens`, `agents` and `users`";
  if (tokens.length + agents.length + users.length > revocationsMax) return `has more than ${revocationsMax} entries`;
  return readEntries(tokens, agents, users);
}

function readEntries(tokens: readonly JsonValue[], agents: readonly JsonValue[], users: readonly JsonValue[]): RevocationList | string {
  const list = { tokens: new Set<string>(), agents: new Map<string, number>(), users: new Set<string>() };
  for (const [at, entry] of tokens.entries()) {
    const named = isMade(entry, ["issuer", "jti"]) ? [entry["issuer"], entry["jti"]] : [];
    if (named.length !== 2 || !named.every(isIdValue)) return `has at tokens[${at}] no {"issuer", "jti"}`;
    list.tokens.add(JSON.stringify(named));
  }
  for (const [at, entry] of agents.entries()) {
    const beforeMs = beforeOf(entry);
    if (beforeMs === null || !isJsonObject(entry) || !isIdValue(entry["agent"]))
      return `has at agents[${at}] no {"agent"} or {"agent", "issued_before"}`;
    list.agents.set(entry["agent"], Math.max(beforeMs, list.agents.get(entry["agent"]) ?? 0));
  }
  for (const [at, entry] of users.entries()) {
    if (!isMade(entry, ["user"]) || !isIdValue(entry["user"])) return `has at users[${at}] no {"user"}`;
    list.users.add(entry["user"]);
  }
  return list;
}

/** Infinite without `issued_before`; null when the entry is not one. */
function beforeOf(entry: JsonValue): number | null {
  if (isMade(entry, ["agent"])) return Number.POSITIVE_INFINITY;
  if (!isMade(entry, ["agent", "issued_before"])) return null;
  const text = entry["issued_before"];
  const isDate = typeof text === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text);
  const beforeMs = isDate ? Date.parse(text) : Number.NaN;
  return Number.isNaN(beforeMs) ? null : beforeMs;
}

function isMade(entry: JsonValue, keys: readonly string[]): entry is JsonObject {
  return isJsonObject(entry) && Object.keys(entry).length === keys.length && keys.every((key) => Object.hasOwn(entry, key));
}

function isIdValue(value: JsonValue | undefined): value is string {
  return typeof value === "string" && isId(value);
}

/** What of these facts is revoked, or null. Where it is not known when a token was issued, a moment before which all are revoked counts for it. */
export function revokedOf(list: RevocationList, facts: RevocableFacts): "token" | "agent" | "user" | null {
  const { issuer, tokenId, agents, user, issuedAtMs } = facts;
  if (tokenId !== null && list.tokens.has(JSON.stringify([issuer, tokenId]))) return "token";
  const isRevoked = (agent: string): boolean => {
    const beforeMs = list.agents.get(agent);
    return beforeMs !== undefined && (issuedAtMs === null || issuedAtMs < beforeMs);
  };
  if (agents.some(isRevoked)) return "agent";
  return user !== null && list.users.has(user) ? "user" : null;
}

/** What revocations may say of a principal: also of one that was stored long ago. */
export function revocableFacts(principal: Principal): readonly RevocableFacts[] {
  const { issuer, tokenId, agent, earlierActors = [], user, issuedAtMs = null, runToken } = principal;
  const facts = { issuer, tokenId, agents: [agent, ...earlierActors], user: user?.id ?? null, issuedAtMs };
  return runToken === undefined ? [facts] : [facts, { ...facts, ...runToken }];
}
