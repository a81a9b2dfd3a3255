import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openDevIssuer } from "../src/adapters/dev-issuer/issuer.ts";
import { writeGatewayFiles } from "./gateway-files.ts";
import { type Role, startRole } from "./processes.ts";

/** The contenders, in the order of the tables. */
export const contenderNames = ["upstream", "http-proxy", "plain", "sallyport"] as const;
export type ContenderName = (typeof contenderNames)[number];

/** How the tables call them. */
export const titles: Readonly<Record<ContenderName, string>> = {
  upstream: "upstream, direct",
  "http-proxy": "bare @fastify/http-proxy",
  plain: "plain fastify + undici",
  sallyport: "Sallyport, everything on",
};

/** Everything that a bench has running. */
export interface Field {
  readonly contenders: Readonly<Record<ContenderName, Role>>;
  readonly driver: Role;
  /** Ends every process and removes the folder. */
  close(): Promise<void>;
}

export interface FieldOptions {
  /** Where Sallyport's store stands while the bench runs. It must be on a real disk, or the commits cost nothing. */
  readonly parentFolder: string;
  /** Gives each contender the first core, and all the rest of the bench the last one. */
  readonly pinned: boolean;
  readonly runs: number;
  readonly sallyportFlags?: readonly string[];
}

const hourMs = 3_600_000;

/** Starts the contenders, an upstream behind them and the load generator. */
export async function openField({ parentFolder, pinned, runs, sallyportFlags = [] }: FieldOptions): Promise<Field> {
  const folder = mkdtempSync(join(parentFolder, "sallyport-bench-"));
  const started: Role[] = [];
  const start = async (words: readonly string[], core: number, nodeFlags: readonly string[] = []): Promise<Role> => {
    const role = await startRole(words, { core: pinned ? core : null, nodeFlags });
    started.push(role);
    return role;
  };
  const close = async (): Promise<void> => {
    await Promise.all(started.map((role) => role.end()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    writeGatewayFiles(folder);
    // The upstream behind the others shares the load generator's core; the one that is measured itself has the contenders' core.
    const behind = `http://127.0.0.1:${(await start(["upstream"], 1)).port}`;
    const [upstream, httpProxy, plain, sallyport, driver] = await Promise.all([
      start(["upstream"], 0),
      start(["http-proxy", behind], 0),
      start(["plain", behind], 0),
      start(["sallyport", behind, folder], 0, sallyportFlags),
      start(["drive"], 1),
    ]);
    const contenders = { upstream, "http-proxy": httpProxy, plain, sallyport };
    driver.tell({ tokens: await mintTokens(join(folder, "data"), runs) });
    return { contenders, driver, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** One ES256 token for each run, by the development issuer. */
async function mintTokens(dataDir: string, runs: number): Promise<readonly string[]> {
  const issuer = openDevIssuer(dataDir);
  const mint = (_: unknown, index: number): Promise<string> =>
    issuer.mintAgentToken({ agent: "bench-agent", tenant: "acme_co", run: `r_${index}`, ttlMs: hourMs });
  return Promise.all(Array.from({ length: runs }, mint));
}
