import type { ContenderAsk, Usage } from "./messages.ts";

/** What a contender's process can do besides answering requests. */
export interface Served {
  readonly port: number;
  /** Does the work that requests have left behind, so that its cost is counted with them. */
  finish?(): Promise<void>;
  close(): Promise<void>;
}

/** Tells the bench where this process listens, then answers its questions until it is told to end. */
export function serveContender(served: Served): void {
  process.on("message", (ask: ContenderAsk) => void answer(served, ask));
  process.on("disconnect", () => process.exit(1));
  say({ port: served.port });
}

async function answer(served: Served, ask: ContenderAsk): Promise<void> {
  if (ask === "end") {
    await served.close();
    process.disconnect();
    process.exit(0);
  }
  if (ask === "finish") await served.finish?.();
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  say({ cpuMicros: userCPUTime + systemCPUTime, residentBytes: process.memoryUsage.rss() } satisfies Usage);
}

function say(message: object): void {
  process.send?.(message);
}
