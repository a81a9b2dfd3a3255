import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Stripe's own stand-in for its API, on free ports of loopback. It keeps nothing: every answer is made up anew from Stripe's API description. */
export interface StripeMock {
  readonly port: number;
  stop(): Promise<void>;
}

const readyMsMax = 30_000;

/** Starts the program at this path; rejects when it does not listen within 30 s. */
export async function startStripeMock(path: string): Promise<StripeMock> {
  const child = spawn(path, ["-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), readyMsMax);
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const port = /HTTP at address: 127\.0\.0\.1:([0-9]+)$/.exec(line)?.[1];
    if (port === undefined) continue;
    clearTimeout(timer);
    child.stdout.resume();
    return {
      port: Number(port),
      async stop() {
        child.kill("SIGKILL");
        if (child.exitCode === null && child.signalCode === null) await once(child, "close");
      },
    };
  }
  clearTimeout(timer);
  throw new Error(`${path} ended, or did not listen within ${readyMsMax} ms`);
}
