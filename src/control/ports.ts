import type { PathPorts } from "../path/ports.ts";
import type { Runs, StopStore } from "../ports/calls.ts";
import type { Ledger } from "../ports/ledger.ts";
import type { Notices } from "../ports/notices.ts";
import type { PeopleTokens, Revocations, RunTokens } from "../ports/tokens.ts";

/** Everything outside that people's and clocks' verbs use. */
export interface ControlPorts extends PathPorts {
  readonly people: PeopleTokens;
  readonly runs: Runs;
  readonly stopStore: StopStore;
  readonly ledger: Ledger;
  readonly notices: Notices;
  /** Mints the tokens of runs that agents open. */
  readonly runTokens: RunTokens;
  readonly runLimits: {
    /** Longest life of a run token, at most 3,600,000 ms. */
    readonly tokenTtlMs: number;
    /** Runs that one agent may open for one tenant in a minute. */
    readonly openPerMinute: number;
  };
  readonly revocations: Revocations;
  /** How often the revocations are read again. */
  readonly revocationsPollMs: number;
  /** How often the stops are read again. */
  readonly stopsPollMs: number;
  /** How long payloads are kept after they were last needed. */
  readonly payloadsKeptMs: number;
  /** Approved calls, and looks at unknown ones, that this process is running right now. */
  readonly executing: Map<string, Promise<void>>;
  /** Publishes a signed checkpoint of the ledger's head. */
  readonly publishCheckpoint: () => Promise<void>;
  /** Runs settlements that could not be written when they happened; those that fail stay for the next time. */
  readonly retryUnsettled: () => Promise<void>;
}
