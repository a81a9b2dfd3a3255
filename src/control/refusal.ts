/** Why a person's request was refused. Codes are public, as the agents' are; the set is small and theirs. */
export interface Refusal {
  readonly refused: "ERR_ROLE" | "ERR_NOT_FOUND" | "ERR_CONFLICT" | "ERR_INVALID";
  readonly message: string;
}

/** A refusal as a value. */
export function refuseRequest(refused: Refusal["refused"], message: string): Refusal {
  return { refused, message };
}

/** Whether a verb refused. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "refused");
}
