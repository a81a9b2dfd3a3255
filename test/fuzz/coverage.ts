import { Session } from "node:inspector";

/** Tells which parts of our own sources have run since it was asked last: V8's own block coverage. */
export interface Coverage {
  /** Names of the blocks that ran. */
  take(): readonly string[];
  close(): void;
}

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}
interface Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/** Begins to watch. It makes the process some times slower. */
export function watchCoverage(): Coverage {
  const session = new Session();
  session.connect();
  const post = (method: string, parameters: object = {}): unknown => {
    let told: unknown;
    let failed: Error | null = null;
    // On a session of the same thread the answer comes before the call returns.
    session.post(method, parameters, (error, result) => {
      failed = error;
      told = result;
    });
    if (failed !== null) throw failed as Error;
    return told;
  };
  post("Profiler.enable");
  post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  return {
    take() {
      const { result } = post("Profiler.takePreciseCoverage") as { readonly result: readonly Script[] };
      return result
        .filter(({ url }) => url.includes("/src/"))
        .flatMap(({ url, functions }) => functions.flatMap(({ ranges }) => blocksOf(url.slice(url.lastIndexOf("/src/")), ranges)));
    },
    close: () => {
      post("Profiler.stopPreciseCoverage");
      session.disconnect();
    },
  };
}

/** How often counts in steps: one round of a loop is not many. */
function blocksOf(url: string, ranges: readonly Range[]): readonly string[] {
  return ranges
    .filter(({ count }) => count > 0)
    .map(({ startOffset, endOffset, count }) => `${url}:${startOffset}-${endOffset}:${count === 1 ? 1 : 2}`);
}
