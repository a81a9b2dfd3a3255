import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { ContenderAsk, DriveAsk } from "./messages.ts";

const startMsMax = 20_000;

/** Whether processes can be kept on a core of their own: Linux with `taskset`, and more than one core. */
export const canPin = availableParallelism() > 1 && spawnSync("taskset", ["--version"]).status === 0;

export interface RoleOptions {
  /** The core to stay on; null leaves it to the system. */
  readonly core: number | null;
  readonly nodeFlags?: readonly string[];
}

/** A process of the bench that answers one question at a time. */
export interface Role {
  readonly port: number;
  ask<Answer>(question: ContenderAsk | DriveAsk): Promise<Answer>;
  tell(message: { readonly tokens: readonly string[] }): void;
  end(): Promise<void>;
}

/** Starts a role of `roles.ts` in a process of its own and waits until it is ready. It ends when this process does. */
export async function startRole(words: readonly string[], { core, nodeFlags = [] }: RoleOptions): Promise<Role> {
  const node = [process.execPath, ...nodeFlags, join(import.meta.dirname, "index.ts"), "--role", ...words];
  const [program = "", ...rest] = core === null || !canPin ? node : ["taskset", "-c", String(core), ...node];
  const child = spawn(program, rest, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const { port = 0 } = await answerOf<{ readonly port?: number }>(child, words[0] ?? "", startMsMax);
  return {
    port,
    ask<Answer>(question: ContenderAsk | DriveAsk): Promise<Answer> {
      child.send(question);
      return answerOf<Answer>(child, words[0] ?? "", 120_000);
    },
    tell: (message) => void child.send(message),
    async end() {
      if (child.exitCode !== null) return;
      const exited = once(child, "exit");
      if (child.connected) child.send("end" satisfies ContenderAsk, () => undefined);
      const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

function answerOf<Answer>(child: ChildProcess, name: string, msMax: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const finish = (error: Error | null, answer?: Answer): void => {
      clearTimeout(timer);
      child.off("exit", onExit).off("message", onMessage);
      if (error === null) resolve(answer as Answer);
      else reject(error);
    };
    const onExit = (code: number | null): void => finish(new Error(`the process "${name}" has ended (exit code ${code})`));
    const onMessage = (message: unknown): void => finish(null, message as Answer);
    const timer = setTimeout(() => finish(new Error(`the process "${name}" did not answer in ${msMax} ms`)), msMax);
    child.on("exit", onExit).on("message", onMessage);
  });
}
