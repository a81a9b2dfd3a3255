/** The ways to misbehave. */
export const faultModes = [
  "hang",
  "reset_before",
  "reset_after_headers",
  "reset_mid_body",
  "redirect",
  "garbage",
  "status",
  "slow",
  "huge",
  "not_json",
] as const;
export type FaultMode = (typeof faultModes)[number];

/** A misbehaviour that was asked for. It is played for the first `times` requests that fit, oldest fault first. */
export interface Fault {
  /** Absent: any method. */
  readonly method?: string;
  /** Compared with the start of the request's URL as sent. */
  readonly path_prefix: string;
  readonly mode: FaultMode;
  /** 200..599. Default: 307 for `redirect`, 503 for `status`, else what was decided, or 200. */
  readonly status?: number;
  /** 0..600,000. `slow`: how long the answer, or each piece of it, is held back (default 1,000). Resets: pause before the reset (default 20). */
  readonly delay_ms?: number;
  /** `huge`: size of the body, up to 1 GiB (default 16 MiB). `slow`: size of a piece; absent sends all at once after the delay. */
  readonly bytes?: number;
  /** `redirect` only, and required there. */
  readonly location?: string;
  /** `not_json` only; default `text/html`. */
  readonly content_type?: string;
  /** 1..1,000,000; default 1. */
  readonly times?: number;
  /** Whether the effect happens before the fault; default false. `slow` acts in any case: false means after the delay. */
  readonly act?: boolean;
}

type Kind = "text" | "flag" | readonly [min: number, max: number];

const kinds: Readonly<Record<keyof Fault, Kind>> = {
  method: "text",
  path_prefix: "text",
  mode: "text",
  status: [200, 599],
  delay_ms: [0, 600_000],
  bytes: [1, 1_073_741_824],
  location: "text",
  content_type: "text",
  times: [1, 1_000_000],
  act: "flag",
};

/** The fault, or a sentence on what is wrong with it. */
export function readFault(value: unknown): Fault | string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "A fault is a JSON object.";
  for (const [name, field] of Object.entries(value)) {
    if (!Object.hasOwn(kinds, name)) return `A fault has no field ${name}.`;
    if (!fitsKind(field, kinds[name as keyof Fault])) return `The field ${name} is invalid.`;
  }
  const fault = value as Fault;
  if (fault.path_prefix === undefined) return "The field path_prefix is missing.";
  if (!faultModes.includes(fault.mode)) return `The field mode is one of ${faultModes.join(", ")}.`;
  if ((fault.mode === "redirect") !== (fault.location !== undefined)) return "The field location goes with mode redirect.";
  return fault;
}

/** The faults still to be played, and the requests that wait inside one. */
export class FaultTable {
  #faults: { readonly fault: Fault; left: number }[] = [];
  readonly #wakeups = new Set<() => void>();

  /** Adds a fault behind those already set. */
  add(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  /** What is still to be played. */
  list(): readonly (Fault & { readonly left: number })[] {
    return this.#faults.map(({ fault, left }) => ({ ...fault, left }));
  }

  /** The fault for this request, which uses it once; null when none fits. */
  take(method: string, url: string): Fault | null {
    const found = this.#faults.find(({ fault }) => (fault.method ?? method) === method && url.startsWith(fault.path_prefix));
    if (found === undefined) return null;
    found.left -= 1;
    if (found.left === 0) this.#faults = this.#faults.filter((row) => row !== found);
    return found.fault;
  }

  /** Forgets all faults and ends every wait. */
  clear(): void {
    this.#faults = [];
    for (const wake of this.#wakeups) wake();
  }

  /**
   * Waits until the time is over, the faults are cleared or the client is gone, whichever is first. A null delay has no end, and
   * for a null client it does not matter who is there.
   */
  wait(delayMs: number | null, client: { onGone(listener: () => void): void } | null): Promise<void> {
    return new Promise((resolve) => {
      const timer = delayMs === null ? undefined : setTimeout(() => wake(), delayMs);
      const wake = () => {
        clearTimeout(timer);
        this.#wakeups.delete(wake);
        resolve();
      };
      this.#wakeups.add(wake);
      client?.onGone(wake);
    });
  }
}

function fitsKind(value: unknown, kind: Kind): boolean {
  if (kind === "text") return typeof value === "string" && value !== "";
  if (kind === "flag") return typeof value === "boolean";
  return Number.isInteger(value) && (value as number) >= kind[0] && (value as number) <= kind[1];
}
