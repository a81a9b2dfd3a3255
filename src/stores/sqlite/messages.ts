import type { FaultPoint } from "../../ports/faults.ts";
import type { OperationName } from "./operations.ts";

/** What the two threads say to each other. */
export interface OperationCall {
  readonly name: OperationName;
  readonly input: readonly unknown[];
}

export interface Batch {
  readonly calls: readonly OperationCall[];
}

export type OperationReply = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

export interface BatchReply {
  readonly replies: readonly OperationReply[];
}

export interface WorkerOptions {
  readonly file: string;
  /** Tests only: die at this point, after having passed it so many times. */
  readonly killAt: { readonly point: FaultPoint; after: number } | null;
}
