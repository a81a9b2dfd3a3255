import type { PathPorts } from "../path/ports.ts";
import type { Runs, StopStore } from "../ports/calls.ts";
import type { Ledger } from "../ports/ledger.ts";
import type { Notices } from "../ports/notices.ts";
import type { PeopleTokens } from "../ports/tokens.ts";

/** Everything outside that people's and clocks' verbs use. */
export interface ControlPorts extends PathPorts {
  readonly people: PeopleTokens;
  readonly runs: Runs;
  readonly stopStore: StopStore;
  readonly ledger: Ledger;
  readonly notices: Notices;
  /** How often the stops are read again. */
  readonly stopsPollMs: number;
  /** How long payloads are kept after they were last needed. */
  readonly payloadsKeptMs: number;
  /** Approved calls that this process is running right now. */
  readonly executing: Map<string, Promise<void>>;
  /** Publishes a signed checkpoint of the ledger's head. */
  readonly publishCheckpoint: () => Promise<void>;
  /** Runs settlements that could not be written when they happened; those that fail stay for the next time. */
  readonly retryUnsettled: () => Promise<void>;
}
