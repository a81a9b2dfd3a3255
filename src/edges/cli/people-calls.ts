import { formatMinor } from "../../config/quantities.ts";
import type { HoldView } from "../../control/show-hold.ts";
import type { StoredCall } from "../../ports/calls.ts";
import type { JsonValue } from "../../rules/json.ts";
import { askAsPerson } from "./ask-gateway.ts";
import type { Context } from "./context.ts";
import { refused } from "./failure.ts";
import type { IdentityOptions } from "./identity.ts";
import { timeLeft, timeOf } from "./show.ts";

/** The word that stands for the newest one wherever an id is asked for. */
export const latest = "latest";

/** Lists calls, newest first. */
export async function listCalls(
  context: Context,
  flags: IdentityOptions,
  query: Readonly<Record<string, string | undefined>>,
): Promise<readonly StoredCall[]> {
  const asked = new URLSearchParams(Object.entries(query).filter((one): one is [string, string] => one[1] !== undefined));
  const { calls } = await askAsPerson(context, flags, { method: "GET", path: `calls?${asked.toString()}`, as: "viewer" });
  return calls as unknown as readonly StoredCall[];
}

/** Open holds: those that wait for people, and those approved that are about to run. */
export async function listHolds(context: Context, flags: IdentityOptions): Promise<readonly StoredCall[]> {
  const { holds } = await askAsPerson(context, flags, { method: "GET", path: "holds", as: "viewer" });
  return holds as unknown as readonly StoredCall[];
}

/** A call with its arguments, as people may see them. */
export async function fetchCall(context: Context, flags: IdentityOptions, id: string, as = "viewer"): Promise<HoldView> {
  const view = await askAsPerson(context, flags, { method: "GET", path: `calls/${encodeURIComponent(id)}`, as });
  return view as unknown as HoldView;
}

/**
 * The id itself, or that of the only call that waits. With several, `latest` could be one that came in after the person looked, so a vote must name it.
 */
export async function findHoldToVote(context: Context, flags: IdentityOptions, id: string): Promise<string> {
  if (id !== latest) return id;
  const waiting = (await listHolds(context, flags)).filter(({ state }) => state === "held");
  if (waiting.length > 1)
    throw refused(
      `${waiting.length} calls are waiting, so name the one you mean`,
      "`bin/sallyport holds show <id>` shows what you would sign",
      waiting.map((call) => `${call.id}  ${call.tool}  ${amountOf(call)}`),
    );
  return findHoldId(context, flags, id);
}

/** The id itself, or that of the newest call that waits for people. */
export async function findHoldId(context: Context, flags: IdentityOptions, id: string): Promise<string> {
  if (id !== latest) return id;
  const newest = (await listHolds(context, flags)).find(({ state }) => state === "held");
  if (newest === undefined) throw refused("no call is waiting for people", "`sallyport calls list` shows the others");
  return newest.id;
}

/** The id itself, or that of the newest call. */
export async function findCallId(context: Context, flags: IdentityOptions, id: string): Promise<string> {
  if (id !== latest) return id;
  const [newest] = await listCalls(context, flags, { limit: "1" });
  if (newest === undefined) throw refused("there is no call yet");
  return newest.id;
}

/** Money as people read it, `-` when the call moves none. */
export function amountOf({ amount }: StoredCall): string {
  return amount === null ? "-" : formatMinor(amount.minor, amount.currency);
}

/** Votes so far of those needed, tier by tier: `finance 0/1`. */
export function votesOf({ hold, votes }: StoredCall): string {
  const demands = hold?.demands ?? [];
  return (
    demands
      .map(({ tier, people }) => `${tier} ${votes.filter((vote) => vote.tier === tier && vote.approve).length}/${people}`)
      .join(", ") || "-"
  );
}

/** Everything about a call that a person decides by, line by line. */
export function describeCall({ call, request, looks }: HoldView, nowMs: number): readonly string[] {
  const { hold, settled } = call;
  const lines = [
    row("call", call.id),
    row("state", call.state),
    row("tool", `${call.tool} (${call.effect})`),
    row("agent", `${call.agent} for ${call.tenant}, run ${call.run ?? "none"}${call.user === null ? "" : `, acting for ${call.user}`}`),
    row("received", timeOf(call.receivedAtMs)),
    row("amount", amountOf(call)),
    ...(request === null ? [row("request", "its arguments are erased")] : describeRequest(request)),
    ...call.verdict.reasons.map(({ rule, message }) => row("policy", `${call.verdict.verdict}: ${message} (${rule})`)),
    ...(hold?.reasons ?? [])
      .filter(({ rule }) => !call.verdict.reasons.some((one) => one.rule === rule))
      .map(({ rule, message }) => row("held", `${message} (${rule})`)),
    ...(call.twin === null ? [] : [row("twin", `the same write is open as ${call.twin}`)]),
    ...(hold === null
      ? []
      : [
          row("needs", votesOf(call)),
          row("expires", call.state === "held" ? `in ${timeLeft(hold.expiresAtMs, nowMs)}` : timeOf(hold.expiresAtMs)),
        ]),
    ...call.votes.map((vote) => row("vote", `${vote.person} ${vote.approve ? "approved" : "rejected"} for ${vote.tier}: ${vote.reason}`)),
    ...(settled === null ? [] : [row("outcome", outcomeOf(call))]),
    ...looks.flatMap(describeLook),
    row("binding", call.binding === "" ? "-" : call.binding),
  ];
  return lines;
}

function describeRequest({ method, url, args, headers, before }: NonNullable<HoldView["request"]>): readonly string[] {
  const meant = headers !== null && Object.keys(headers).length > 0 ? [row("headers", compact(headers))] : [];
  return [
    row("request", `${method} ${url}`),
    row("arguments", compact(args)),
    ...meant,
    ...(before === null ? [] : [row("before", compact(before))]),
  ];
}

/** Longer answers are for `--json`. */
const answerShownMax = 2000;

function describeLook({ tool, atMs, state, status, answer }: HoldView["looks"][number]): readonly string[] {
  const told = row("looked", `${timeOf(atMs)} with ${tool}: ${state}${status === null ? "" : `, status ${status}`}`);
  if (answer === null) return [told];
  const text = compact(answer);
  const cut = text.length > answerShownMax ? `${text.slice(0, answerShownMax)} ... (${text.length} characters; --json has all)` : text;
  return [told, row("found", cut)];
}

function outcomeOf({ settled }: StoredCall): string {
  if (settled === null) return "-";
  const status = settled.status === null ? "" : `, status ${settled.status}`;
  const why = settled.detail ?? settled.reasons[0]?.message ?? null;
  return `${settled.outcome}${status}${settled.code === null ? "" : `, ${settled.code}`}${why === null ? "" : `: ${why}`}`;
}

function row(name: string, value: string): string {
  return `${name.padEnd(11)}${value}`;
}

function compact(value: JsonValue): string {
  return JSON.stringify(value);
}
