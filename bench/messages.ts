import type { Kind } from "./requests.ts";

/** What the bench asks of a contender's process. */
export type ContenderAsk = "usage" | "finish" | "end";

/** CPU time of a contender's process so far, all its threads, user and system. */
export interface Usage {
  readonly cpuMicros: number;
  readonly residentBytes: number;
}

/** One cell: so many connections that each send the next request when the last is answered, for so long. */
export interface DriveAsk {
  readonly contender: string;
  readonly port: number;
  readonly basePath: string;
  readonly kind: Kind;
  readonly connections: number;
  readonly durationMs: number;
}

/** What the load generator saw. Latencies in ms. */
export interface DriveResult {
  readonly requests: number;
  readonly errors: number;
  /** The first error, for whoever must find out. */
  readonly firstError: string | null;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
