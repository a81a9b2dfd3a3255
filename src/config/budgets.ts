import type { Budget } from "../rules/catalogue.ts";
import { isZone } from "./addresses.ts";
import { parseMoney, parseUsd } from "./quantities.ts";
import type { Report } from "./report.ts";
import type { BudgetFile } from "./schema/contract.ts";

/** Builds a contract's budgets; a budget whose limit or window cannot be read is reported and left out. */
export function buildBudgets(files: readonly BudgetFile[], zone: string, report: Report): readonly Budget[] {
  const names = new Set<string>();
  const budgets = files.flatMap((file, index) => {
    const budget = buildBudget(file, index, zone, report);
    if (budget === null) return [];
    if (names.has(budget.name))
      report(["budgets", index], `is a second budget ${budget.name}`, "a meter, scope and window have one limit", "key");
    names.add(budget.name);
    return [budget];
  });
  checkRunBudgets(files, report);
  return budgets;
}

function buildBudget(file: BudgetFile, index: number, zone: string, report: Report): Budget | null {
  const path = ["budgets", index];
  if (file.zone !== undefined && !isZone(file.zone)) report([...path, "zone"], 'must be a time zone like "Europe/Berlin"');
  if (file.scope === "run" && file.window !== undefined)
    report([...path, "window"], "must be left out for the scope run, whose window is the run", null, "key");
  if (file.scope !== "run" && file.window === undefined) report([...path, "window"], "is required for this scope");
  const limit = readLimit(file, [...path, "limit"], report);
  const window = file.scope === "run" ? "run" : file.window;
  if (limit === null || window === undefined) return null;
  return {
    name: window === "run" ? `${file.meter}/run` : `${file.meter}/${file.scope}/${window}`,
    meter: file.meter,
    scope: file.scope,
    window,
    zone: file.zone ?? zone,
    limit: limit.units,
    currency: limit.currency,
    heldShareMax: file.held_share_max,
  };
}

function readLimit(
  file: BudgetFile,
  path: readonly (string | number)[],
  report: Report,
): { readonly units: number; readonly currency: string | null } | null {
  const refuse = (wanted: string) => {
    report(path, `must be ${wanted} for the meter ${file.meter} (got ${JSON.stringify(file.limit)})`);
    return null;
  };
  if (file.meter === "calls") return typeof file.limit === "number" ? { units: file.limit, currency: null } : refuse("a whole number");
  if (typeof file.limit !== "string") return refuse(file.meter === "cost" ? 'like "0.40 USD"' : 'like "5000.00 USD"');
  if (file.meter === "cost") {
    const micros = parseUsd(file.limit);
    return typeof micros === "number" ? { units: micros, currency: null } : refuse(micros.wanted);
  }
  const money = parseMoney(file.limit);
  return "wanted" in money ? refuse(money.wanted) : { units: money.minor, currency: money.currency };
}

// An agent can begin as many runs as it likes, so a run's limit alone limits nothing.
function checkRunBudgets(files: readonly BudgetFile[], report: Report): void {
  for (const [index, { meter, scope }] of files.entries()) {
    if (scope !== "run" || files.some((other) => other.meter === meter && (other.scope === "agent" || other.scope === "tenant"))) continue;
    report(
      ["budgets", index],
      `limits ${meter} per run, and nothing limits the number of runs`,
      `add a budget for ${meter} with the scope agent or tenant`,
      "key",
    );
  }
}
