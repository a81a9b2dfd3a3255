import type { RunKey, StoredCall } from "../ports/calls.ts";
import type { JsonObject } from "../rules/json.ts";
import type { State } from "../rules/states.ts";
import type { ControlPorts } from "./ports.ts";

const approvedStates: readonly State[] = ["approved", "started", "succeeded", "failed", "not_sent", "unknown"];

/** A run as one JSON Lines record, the shape that agent evaluations read. Preview reads are part of their call and do not appear. */
export async function printRun(ports: ControlPorts, key: RunKey): Promise<JsonObject | null> {
  const calls = [...(await ports.calls.runCalls(key.run, key.tenant))]
    .filter((call) => call.agent === key.agent && call.parent === null)
    .reverse();
  const report = await ports.runs.find(key);
  if (calls.length === 0 && report === null) return null;
  const toolMicros = calls
    .filter((call) => call.state === "succeeded" || call.state === "unknown")
    .reduce((sum, call) => sum + call.priceMicros, 0);
  const budget = ports
    .catalogue()
    .contracts.find((one) => one.agent === key.agent && one.tenants.includes(key.tenant))
    ?.budgets.find((one) => one.meter === "cost" && one.scope === "run");
  return {
    run_id: key.run,
    agent: key.agent,
    tenant_id: key.tenant,
    model: report?.model ?? null,
    budget_usd: budget === undefined ? null : budget.limit / 1_000_000,
    tool_calls: calls.map((call) => ({
      tool: call.tool,
      input_hash: call.callDigest,
      status: call.state,
      latency_ms: call.settled?.latencyMs ?? null,
    })),
    approvals: calls.flatMap(approvalsOf),
    outcome: report?.outcome ?? null,
    cost: {
      prompt_tokens: report?.promptTokens ?? 0,
      completion_tokens: report?.completionTokens ?? 0,
      usd: (toolMicros + (report?.usdMicros ?? 0)) / 1_000_000,
    },
  };
}

function approvalsOf(call: StoredCall): readonly JsonObject[] {
  return (call.hold?.demands ?? []).map((demand) => ({ type: demand.tier, required: true, approved: approvedStates.includes(call.state) }));
}
