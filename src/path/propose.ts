import type { ProposalAnswer } from "../rules/answer.ts";
import type { JsonObject, JsonValue } from "../rules/json.ts";
import type { Decided } from "./call.ts";

/** What a dry run answers: everything that would happen, in a form that programs can check. Nothing was written; only the preview was read. */
export function propose(call: Decided): ProposalAnswer {
  const { tool, verdict, amount, preview, reservations, left, hold } = call;
  const proposal = {
    dry_run: true,
    executed: false,
    call_id: call.id,
    tool: tool.name,
    method: tool.method,
    url: call.outbound.url,
    body: call.outbound.body,
    args: call.args,
    call_digest: call.callDigest,
    verdict: verdict.verdict,
    reasons: verdict.reasons,
    tiers: hold?.demands.map(({ tier, people }) => ({ tier, people })) ?? [],
    amount: amount === null ? null : { minor: amount.minor, currency: amount.currency },
    price_usd_micros: tool.priceMicros,
    budgets: reservations.map(({ budget, units, limit }, index) => ({
      budget,
      limit,
      needs: units,
      left: left[index] ?? 0,
      fits: units <= (left[index] ?? 0),
    })),
    diff: diffOf(mayShow(call) ? preview : null, call.args),
    policy: call.policyDigest,
  };
  return { kind: "proposal", callId: call.id, proposal: proposal as unknown as JsonObject };
}

/** The object is shown to an agent that may look it up by itself. */
function mayShow({ tool, governed }: Decided): boolean {
  return tool.preview !== null && governed.contract.gates.has(tool.preview);
}

/** The object before the call, beside what the call would say of it. Null when the tool has no preview, or the agent may not see it. */
function diffOf(before: JsonObject | null, args: JsonObject): JsonValue {
  return before === null ? null : { before, arguments: args };
}
