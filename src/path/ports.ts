import type { Calls } from "../ports/calls.ts";
import type { Clock, Ids } from "../ports/clock.ts";
import type { ReachFault } from "../ports/faults.ts";
import type { PayloadCipher } from "../ports/payloads.ts";
import type { Policy } from "../ports/policy.ts";
import type { Rates } from "../ports/rates.ts";
import type { StopsView } from "../ports/stops.ts";
import type { AgentTokens } from "../ports/tokens.ts";
import type { Upstreams } from "../ports/upstream.ts";
import type { Catalogue } from "../rules/catalogue.ts";

/** Everything outside that a call's path uses. A wiring puts it together. */
export interface PathPorts {
  readonly tokens: AgentTokens;
  readonly catalogue: () => Catalogue;
  readonly policy: () => Policy;
  readonly calls: Calls;
  readonly cipher: PayloadCipher;
  readonly stops: StopsView;
  readonly rates: Rates;
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly reach: ReachFault;
  readonly settings: PathSettings;
  /** Told of every settlement that could not be written; the wiring tries it again until it is. */
  readonly onUnsettled: (retry: () => Promise<void>) => void;
  /** Told of faults that a caller must not see. */
  readonly onFault: (callId: string, error: unknown) => void;
}

export interface PathSettings {
  /** IANA zone of `input.time`. */
  readonly policyZone: string;
  /** A call that was admitted must reach the socket within this time, or is not sent. */
  readonly startWithinMs: number;
  readonly openHoldsMax: { readonly agent: number; readonly run: number };
}
