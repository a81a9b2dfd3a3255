import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The repository's root folder, with a slash at its end. */
export const root = fileURLToPath(new URL("..", import.meta.url));

export interface Ran {
  /** The exit code; 1 when a signal ended the program or it cannot be started. */
  readonly code: number;
  /** Standard output, then standard error. */
  readonly output: string;
}

/** Runs a program in the repository's root, without standard input, and collects what it says. Never rejects. */
export function runProgram(program: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NO_COLOR: "1" } });
    let said = "";
    let complained = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (complained += chunk.toString("utf8")));
    child.on("error", (error) => resolve({ code: 1, output: `${program} cannot be run: ${error.message}` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output: said + complained }));
  });
}

/** A development tool that `npm ci` installed, whatever the PATH says. */
export function installed(program: string): string {
  return `${root}node_modules/.bin/${program}`;
}
