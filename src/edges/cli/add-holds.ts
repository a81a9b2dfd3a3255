import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import type { HoldView } from "../../control/show-hold.ts";
import { withPeople } from "./add-calls.ts";
import { examples } from "./add-serve.ts";
import { askAsPerson } from "./ask-gateway.ts";
import type { Context } from "./context.ts";
import { type ExitCode, exitCodes } from "./failure.ts";
import type { IdentityOptions } from "./identity.ts";
import { amountOf, describeCall, fetchCall, findHoldId, findHoldToVote, listHolds, votesOf } from "./people-calls.ts";
import type { AddCommands } from "./program.ts";
import { printAs, table, timeLeft } from "./show.ts";

interface Flags extends IdentityOptions {
  readonly json?: boolean;
}

interface VoteFlags extends Flags {
  readonly reason: string;
  readonly wait: boolean;
}

/** `holds` */
export const addHolds: AddCommands = (program, context, run) => {
  const holds = program
    .command("holds")
    .summary("see and decide on held calls")
    .description("Calls that wait for people: look at them, approve them, reject them.");
  withPeople(holds.command("list"))
    .description("List the calls that wait for people, newest first.")
    .addHelpText("after", examples("sallyport holds list", "sallyport holds list --json"))
    .action(run(async (flags: Flags) => list(context, flags)));
  withPeople(holds.command("show"))
    .argument("[id]", "the held call, or latest", "latest")
    .description("Show the exact request that waits, with misleading characters written out, and what it would change.")
    .addHelpText("after", examples("sallyport holds show latest"))
    .action(run(async (id: string, flags: Flags) => show(context, id, flags)));
  for (const approve of [true, false]) addVote(holds, context, run, approve);
};

function addVote(holds: Command, context: Context, run: Parameters<AddCommands>[2], approve: boolean): void {
  const verb = approve ? "approve" : "reject";
  withPeople(holds.command(verb))
    .argument("<id>", "the held call; latest when only one waits")
    .description(
      approve
        ? "Sign for a held call. It runs when everybody who must sign has signed."
        : "Refuse a held call, for good. One person is enough.",
    )
    .requiredOption("--reason <text>", approve ? "why; it stays in the ledger" : "why; the agent reads it, and it stays in the ledger")
    .option("--no-wait", "do not wait for the call's outcome")
    .addHelpText(
      "after",
      examples(`sallyport holds ${verb} latest --reason "${approve ? "talked to the customer" : "the customer was refunded in store"}"`),
    )
    .action(run(async (id: string, flags: VoteFlags) => vote(context, id, flags, approve)));
}

async function list(context: Context, flags: Flags): Promise<undefined> {
  const holds = await listHolds(context, flags);
  const nowMs = Date.now();
  printAs(context, flags.json, { holds }, () =>
    holds.length === 0
      ? ["no call is waiting for people"]
      : table(
          ["ID", "TOOL", "AGENT", "TENANT", "AMOUNT", "VOTES", "EXPIRES IN"],
          holds.map((call) => [
            call.id,
            call.tool,
            call.agent,
            call.tenant,
            amountOf(call),
            call.state === "approved" ? "approved" : votesOf(call),
            timeLeft(call.hold?.expiresAtMs ?? 0, nowMs),
          ]),
        ),
  );
}

async function show(context: Context, id: string, flags: Flags): Promise<undefined> {
  const view = await fetchCall(context, flags, await findHoldId(context, flags, id));
  printAs(context, flags.json, view, () => describeCall(view, Date.now()));
}

async function vote(context: Context, id: string, flags: VoteFlags, approve: boolean): Promise<ExitCode> {
  const seen = await fetchCall(context, flags, await findHoldToVote(context, flags, id), "approver");
  if (flags.json !== true) for (const line of describeCall(seen, Date.now())) context.print(line);
  const path = `holds/${seen.call.id}/votes`;
  const body = { approve, reason: flags.reason, binding: seen.call.binding };
  const { state } = await askAsPerson(context, flags, { method: "POST", path, body, as: "approver" });
  const after =
    state === "approved" && flags.wait
      ? await waitForOutcome(context, flags, seen.call.id)
      : await fetchCall(context, flags, seen.call.id, "approver");
  printAs(context, flags.json, after, () => ["", sentenceOf(after)]);
  return approve && ["refused", "failed", "not_sent", "unknown"].includes(after.call.state) ? exitCodes.refused : exitCodes.done;
}

const outcomeMsMax = 15_000;
const pollMs = 50;

/** An approved call runs at once; this waits until it has its outcome, at most 15 s. */
async function waitForOutcome(context: Context, flags: Flags, id: string): Promise<HoldView> {
  const untilMs = Date.now() + outcomeMsMax;
  for (;;) {
    const view = await fetchCall(context, flags, id, "approver");
    if (!["approved", "started"].includes(view.call.state) || Date.now() > untilMs) return view;
    await delay(pollMs);
  }
}

/** What the vote led to. */
function sentenceOf({ call }: HoldView): string {
  switch (call.state) {
    case "held":
      return `your vote counts; still waiting: ${votesOf(call)}`;
    case "approved":
    case "started":
      return "approved, and on its way";
    case "succeeded":
      return `approved and executed once, status ${call.settled?.status ?? "unknown"}`;
    case "rejected":
      return "rejected; the agent is told why";
    default:
      return `approved, but ${call.state}: ${call.settled?.detail ?? call.settled?.reasons[0]?.message ?? call.settled?.code ?? "no reason was recorded"}`;
  }
}
