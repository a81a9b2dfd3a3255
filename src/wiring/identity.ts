import { sharedPairs } from "../adapters/jose/issuer.ts";
import { agentTokensBut, nothingRevoked, type OpenedRevocations, openRevocations, peopleTokensBut } from "../adapters/jose/revocations.ts";
import { openAgentTokens, openPeopleTokens, type TokensReport } from "../adapters/jose/tokens.ts";
import { openRunTokens } from "../adapters/run-tokens/index.ts";
import type { Metrics } from "../adapters/telemetry/metrics.ts";
import type { Clock } from "../ports/clock.ts";
import type { AgentTokens, PeopleTokens, RunTokens } from "../ports/tokens.ts";
import { placesIn } from "./data-folder.ts";
import type { Setup } from "./setup.ts";
import { StartRefused } from "./start-refused.ts";

/** Who says who calls, on both listeners. */
export interface Identity {
  readonly tokens: AgentTokens;
  readonly people: PeopleTokens;
  readonly runTokens: RunTokens;
  readonly revocations: OpenedRevocations;
  /** One sentence for each issuer whose keys cannot be read and for each key that is left out. */
  readonly troubles: (nowMs: number) => Promise<readonly string[]>;
  readonly reports: () => { readonly agents: TokensReport; readonly people: TokensReport };
}

/** Verifiers for both listeners. Throws when a token could be good on both: an agent must never be a person. */
export function openIdentity({ gateway, dev, dataDir }: Setup): Identity {
  const agentIssuers = [...gateway.issuers, ...(dev === null ? [] : [dev.agentIssuer])];
  const peopleIssuers = [...gateway.peopleIssuers, ...(dev === null ? [] : [dev.peopleIssuer])];
  const shared = sharedPairs(agentIssuers, peopleIssuers);
  if (shared.length > 0) throw new StartRefused("agents and people share an issuer and audience", shared);
  const [agents, people] = [openAgentTokens(agentIssuers), openPeopleTokens(peopleIssuers)];
  const revocations = gateway.revocations === null ? nothingRevoked : openRevocations(gateway.revocations);
  const runTokens = openRunTokens({
    keyFile: placesIn(dataDir).runKey,
    isTrusted: (issuer) => agentIssuers.some((one) => one.issuer === issuer),
  });
  return {
    tokens: agentTokensBut(runTokens.beside(agents), revocations),
    people: peopleTokensBut(people, revocations),
    runTokens,
    revocations,
    troubles: async (nowMs) => [...(await agents.ready(nowMs)), ...(await people.ready(nowMs))],
    reports: () => ({ agents: agents.report(), people: people.report() }),
  };
}

/** Reads the revocations for the first time. Without them nobody could say whom to keep out, so that nothing starts. */
export async function loadRevocations({ revocations }: Identity, nowMs: number): Promise<void> {
  await revocations.load(nowMs).catch((error: unknown) => {
    throw new StartRefused("the revocations cannot be read", [String(error)], { cause: error });
  });
}

/** Tells `/metrics` what verifying costs and how old its sources are. */
export function observeIdentity(metrics: Metrics, { reports, revocations }: Identity, clock: Clock): void {
  const { observe } = metrics;
  const agents = (): TokensReport => reports().agents;
  observe("sallyport_token_cache_hits", "Agents' tokens answered from memory since the start.", () => agents().cacheHits);
  observe("sallyport_token_cache_misses", "Agents' tokens verified or refused anew since the start.", () => agents().cacheMisses);
  observe("sallyport_token_cache_entries", "Agents' tokens in memory.", () => agents().cacheEntries);
  observe("sallyport_token_cache_bytes", "Estimated bytes of the agents' tokens in memory.", () => agents().cacheBytes);
  observe(
    "sallyport_issuers_failing",
    "Agents' issuers whose keys could not be read when that was last tried.",
    () => agents().sources.filter(({ lastFailure }) => lastFailure !== null).length,
  );
  observe("sallyport_revocations", "Entries of the revocation list in force.", () => revocations.report().entries);
  observe("sallyport_revocations_age_ms", "Milliseconds since the revocation list was last read well; 0 without a list.", () => {
    const { readAtMs } = revocations.report();
    return readAtMs === null ? 0 : clock.nowMs() - readAtMs;
  });
}
