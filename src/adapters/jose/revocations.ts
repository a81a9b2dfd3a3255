import type { AgentTokens, PeopleTokens, Revocations } from "../../ports/tokens.ts";
import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import type { Person, Principal } from "../../rules/principal.ts";
import {
  noRevocations,
  type RevocableFacts,
  type RevocationList,
  readRevocations,
  revocableFacts,
  revocationsBytesMax,
  revokedOf,
} from "../../rules/revocations.ts";
import { since } from "./key-source.ts";
import { fileLoader, type LoadDocument, urlLoader } from "./load-document.ts";

export interface RevocationsOptions {
  /** A URL is https, or http on loopback; `ca` is the PEM of a private CA. */
  readonly place: { readonly file: string } | { readonly url: string; readonly ca?: string };
  /** When the last good reading is older, every token is refused: in milliseconds. */
  readonly staleAfterMs: number;
  /** One reading of a URL, in all. Default 5,000 ms. */
  readonly timeoutMs?: number;
}

/** What a list is now, for metrics and people. */
export interface RevocationsReport {
  readonly entries: number;
  /** Unix milliseconds of the last good reading, null before it. */
  readonly readAtMs: number | null;
  readonly lastFailure: string | null;
}

export interface OpenedRevocations extends Revocations {
  /** The list must be good now; rejects with a sentence that says why it is not. */
  load(nowMs: number): Promise<void>;
  report(): RevocationsReport;
}

interface ListState {
  list: RevocationList;
  bytes: Uint8Array | null;
  readAtMs: number | null;
  failure: string | null;
  running: Promise<void> | null;
}

/** Opens a revocation list. Nothing is read before `load` or `refresh`; until then every token is refused. */
export function openRevocations({ place, staleAfterMs, timeoutMs = 5_000 }: RevocationsOptions): OpenedRevocations {
  const load = loaderOf(place, timeoutMs);
  const state: ListState = { list: noRevocations, bytes: null, readAtMs: null, failure: null, running: null };
  const refresh = (nowMs: number): Promise<void> => {
    state.running ??= readList(state, load, nowMs).finally(() => {
      state.running = null;
    });
    return state.running;
  };
  return {
    refresh,
    async load(nowMs) {
      await refresh(nowMs);
      if (state.failure !== null) throw new Error(state.failure);
    },
    judge(facts, nowMs) {
      if (since(state.readAtMs, nowMs) >= staleAfterMs)
        return deny("ERR_REVOCATIONS_STALE", "The list of revoked tokens could not be read for too long.", { retryAfterMs: 5_000 });
      return judgeBy(state.list, facts);
    },
    report: () => ({
      entries: state.list.tokens.size + state.list.agents.size + state.list.users.size,
      readAtMs: state.readAtMs,
      lastFailure: state.failure,
    }),
  };
}

/** Where no list is configured: revokes nothing and is never stale. */
export const nothingRevoked: OpenedRevocations = {
  refresh: async () => {},
  load: async () => {},
  judge: () => null,
  report: () => ({ entries: 0, readAtMs: null, lastFailure: null }),
};

/** Agents' tokens of which the list has the last word, however long ago they were verified. */
export function agentTokensBut(tokens: Pick<AgentTokens, "verify">, revocations: Revocations): AgentTokens {
  const revoked = (principal: Principal, nowMs: number): Denial | null => revocations.judge(revocableFacts(principal), nowMs);
  return {
    revoked,
    async verify(token, nowMs) {
      const principal = await tokens.verify(token, nowMs);
      return isDenial(principal) ? principal : (revoked(principal, nowMs) ?? principal);
    },
  };
}

/** The same for people's tokens. */
export function peopleTokensBut(tokens: PeopleTokens, revocations: Revocations): PeopleTokens {
  return {
    async verify(token, nowMs) {
      const person = await tokens.verify(token, nowMs);
      return isDenial(person) ? person : (revocations.judge([factsOf(person)], nowMs) ?? person);
    },
  };
}

function factsOf({ person, token }: Person): RevocableFacts {
  return { issuer: token?.issuer ?? "", tokenId: token?.tokenId ?? null, agents: [], user: person, issuedAtMs: null };
}

function judgeBy(list: RevocationList, facts: readonly RevocableFacts[]): Denial | null {
  for (const one of facts) {
    const revoked = revokedOf(list, one);
    if (revoked !== null) return deny("ERR_TOKEN_REVOKED", `The ${revoked === "token" ? "token" : `token's ${revoked}`} was revoked.`);
  }
  return null;
}

function loaderOf(place: RevocationsOptions["place"], timeoutMs: number): LoadDocument {
  if ("file" in place) return fileLoader(place.file, revocationsBytesMax);
  return urlLoader({ url: place.url, ca: place.ca, timeoutMs, bytesMax: revocationsBytesMax, accept: "application/json" });
}

async function readList(state: ListState, load: LoadDocument, nowMs: number): Promise<void> {
  try {
    const bytes = await load();
    if (state.bytes === null || Buffer.compare(state.bytes, bytes) !== 0) {
      const list = readRevocations(bytes);
      if (typeof list === "string") throw new Error(`the revocation list ${list}`);
      state.list = list;
      state.bytes = bytes;
    }
    // The moment the reading began: what was written while it ran may not be in it.
    state.readAtMs = nowMs;
    state.failure = null;
  } catch (fault) {
    state.failure = fault instanceof Error ? fault.message : String(fault);
  }
}
