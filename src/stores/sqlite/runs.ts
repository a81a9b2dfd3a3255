import type { RunKey, RunOpening, RunReport } from "../../ports/calls.ts";
import type { Reservation } from "../../rules/budgets.ts";
import { firstCovering, type Stop } from "../../rules/stops.ts";
import { addSettled } from "./accounts.ts";
import type { Database } from "./database.ts";
import { appendEntry } from "./ledger.ts";
import { readStops } from "./stops.ts";

interface RunRow {
  readonly tenant: string;
  readonly run: string;
  readonly agent: string;
  readonly model: string | null;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly usd_micros: number;
  readonly outcome: string | null;
}

/** Sums stop here: what is larger could not be read back. */
const most = Number.MAX_SAFE_INTEGER;

/** Records a run that an agent opened, with the token that opened it; a stop that is in force by now forbids it. */
export function openRun(database: Database, opening: RunOpening, nowMs: number): Stop | null {
  const { run, tenant, agent, environment, workflow, user, openedBy, expiresAtMs } = opening;
  const stop = firstCovering(readStops(database), { tenant, agent, workflow, tool: "", run }, nowMs);
  if (stop !== null) return stop;
  database.run(
    "INSERT INTO runs (tenant, run, agent, prompt_tokens, completion_tokens, usd_micros, updated_ms) VALUES (?, ?, ?, 0, 0, 0, ?)",
    tenant,
    run,
    agent,
    nowMs,
  );
  const told = { environment, workflow, user, opened_by: { issuer: openedBy.issuer, token: openedBy.tokenId }, expires_at_ms: expiresAtMs };
  appendEntry(database, "run.opened", nowMs, { run, tenant, agent, ...told });
  return null;
}

/** Adds what the agent reports of a run, and counts its cost in the budgets named. Usage only adds. */
export function addUsage(database: Database, report: Omit<RunReport, "outcome">, costs: readonly Reservation[], nowMs: number): void {
  const { run, tenant, agent, model, promptTokens, completionTokens, usdMicros } = report;
  database.run(
    `INSERT INTO runs (tenant, run, agent, model, prompt_tokens, completion_tokens, usd_micros, updated_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (tenant, run, agent) DO UPDATE SET model = coalesce(excluded.model, model), prompt_tokens = min(${most}, prompt_tokens + excluded.prompt_tokens),
      completion_tokens = min(${most}, completion_tokens + excluded.completion_tokens), usd_micros = min(${most}, usd_micros + excluded.usd_micros), updated_ms = excluded.updated_ms`,
    tenant,
    run,
    agent,
    model,
    promptTokens,
    completionTokens,
    usdMicros,
    nowMs,
  );
  for (const cost of costs) addSettled(database, cost.key, cost.units);
  const money = costs.map(({ key, budget, units }) => ({ key, budget, actual: units }));
  appendEntry(database, "run.usage", nowMs, { run, tenant, agent, model, reported: { promptTokens, completionTokens, usdMicros }, money });
}

/** Records how the agent says that a run ended; the last word counts. */
export function setRunOutcome(database: Database, key: RunKey, outcome: { status: string; reason: string }, nowMs: number): void {
  database.run(
    `INSERT INTO runs (tenant, run, agent, prompt_tokens, completion_tokens, usd_micros, outcome, updated_ms) VALUES (?, ?, ?, 0, 0, 0, ?, ?)
      ON CONFLICT (tenant, run, agent) DO UPDATE SET outcome = excluded.outcome, updated_ms = excluded.updated_ms`,
    key.tenant,
    key.run,
    key.agent,
    JSON.stringify(outcome),
    nowMs,
  );
  appendEntry(database, "run.outcome", nowMs, { ...key, outcome });
}

/** What was reported of a run, or null. */
export function findRun(database: Database, key: RunKey): RunReport | null {
  const row = database.row<RunRow>("SELECT * FROM runs WHERE tenant = ? AND run = ? AND agent = ?", key.tenant, key.run, key.agent);
  return row === undefined ? null : readRun(row);
}

/** Every run that a call or a report names, newest first. */
export function listRuns(
  database: Database,
  limit: number,
): readonly { readonly run: string; readonly tenant: string; readonly agent: string; readonly calls: number; readonly lastMs: number }[] {
  return database.rows(
    `SELECT run, tenant, agent, sum(calls) AS calls, max(last) AS lastMs FROM (
       SELECT run, tenant, agent, count(*) AS calls, max(created_ms) AS last FROM calls WHERE run <> '' GROUP BY run, tenant, agent
       UNION ALL SELECT run, tenant, agent, 0, updated_ms FROM runs)
     GROUP BY run, tenant, agent ORDER BY lastMs DESC LIMIT ?`,
    limit,
  );
}

function readRun(row: RunRow): RunReport {
  return {
    run: row.run,
    tenant: row.tenant,
    agent: row.agent,
    model: row.model,
    promptTokens: row.prompt_tokens,
    completionTokens: row.completion_tokens,
    usdMicros: row.usd_micros,
    outcome: row.outcome === null ? null : (JSON.parse(row.outcome) as { status: string; reason: string }),
  };
}
