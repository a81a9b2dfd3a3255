import type { Code } from "./codes.ts";

/** Why: the rule that spoke and a sentence for the caller. No rule internals. */
export interface Reason {
  readonly rule: string;
  readonly message: string;
  /** The JSON pointer of the argument concerned, when one is. */
  readonly pointer?: string;
}

/** Only `deny` sets it. Threat: a caller's arguments may hold a key called `denied`, and JSON cannot hold a symbol. */
const denialMark: unique symbol = Symbol("denial");

/** A refusal is a value, made by `deny`. A step returns it instead of the next stage; faults are thrown. */
export interface Denial {
  readonly [denialMark]: true;
  readonly denied: Code;
  /** One sentence about this very call; absent means the code's title. */
  readonly detail?: string;
  readonly reasons?: readonly Reason[];
  /** Milliseconds until the same call may succeed, when time alone helps. */
  readonly retryAfterMs?: number;
  /** The scope that the token lacks. */
  readonly scope?: string;
}

/** Makes a denial; without a detail the code's title speaks. */
export function deny(denied: Code, detail?: string, more: Omit<Denial, "denied" | "detail" | typeof denialMark> = {}): Denial {
  const denial = { [denialMark]: true, denied, ...more } as const;
  return detail === undefined ? denial : { ...denial, detail };
}

/** True for what `deny` made and its spread copies, never for parsed JSON. */
export function isDenial(value: unknown): value is Denial {
  return typeof value === "object" && value !== null && Object.hasOwn(value, denialMark);
}
