import type { AdmitResult, CallFacts, DeniedFacts, KeyOwner } from "../../ports/calls.ts";
import type { Reservation } from "../../rules/budgets.ts";
import { canonicalJson } from "../../rules/canonical.ts";
import type { HoldTerms } from "../../rules/holds.ts";
import type { JsonObject } from "../../rules/json.ts";
import { firstCovering } from "../../rules/stops.ts";
import { checkReservations, type Taken, takeReservations } from "./accounts.ts";
import type { Database } from "./database.ts";
import { appendText } from "./ledger.ts";
import type { AdmitMessage } from "./messages.ts";
import { insertPayload } from "./payloads.ts";
import { appendCallEntry, asStored, type FoundCall, findCall } from "./rows.ts";
import { listStarted, rememberStarted } from "./started.ts";
import { readStops } from "./stops.ts";

/**
 * The admission: one list of checks, then one list of writes. Nothing is written before every check has passed, so that a refusal leaves
 * nothing behind.
 */
export function admitCall(database: Database, request: AdmitMessage): AdmitResult {
  const { call, nowMs } = request;
  const stop = firstCovering(readStops(database), call, nowMs);
  if (stop !== null) return { kind: "stopped", stop };
  const same = request.alone ? null : findSame(database, request);
  if (same !== null) return same;
  const twin = request.alone || call.effect === "read" ? null : findTwin(database, call);
  const hold = request.hold ?? (twin === null ? null : request.holdIfTwin);
  if (twin !== null && hold === null) return { kind: "same", call: asStored(twin), attached: true };
  const holds = hold === null ? null : holdsBeyond(database, request);
  if (holds !== null) return { kind: "holds_too_many", open: holds };
  const beyond = checkReservations(database, request.reservations, hold !== null, null);
  if (beyond !== null) return { kind: "beyond", ...beyond };
  const entry = sureText(request.entry);
  const told = appendText(database, hold === null ? entry : heldEntry(entry, hold, twin));
  insertCall(database, request, { told, hold, twin });
  insertPayload(database, told, request.payload, nowMs);
  takeReservations(database, request.reservations, hold !== null);
  if (hold !== null) return { kind: "held", hold };
  rememberStarted(database, { ...call, told, reservations: request.reservations.map(asTaken), settleByMs: request.settleByMs });
  return { kind: "started" };
}

/** Throws for what has no RFC 8785 text. */
export function sureText(text: string | null): string {
  if (text === null) throw new Error("what should be written down is no Unicode text");
  return text;
}

/** The entry of a call that waits, from that of one which starts at once. */
function heldEntry(entry: string, hold: HoldTerms, twin: FoundCall | null): string {
  const { settle_by_ms: _, ...told } = JSON.parse(entry) as JsonObject;
  return canonicalJson({ ...told, type: "call.held", hold: hold as unknown as JsonObject, twin: twin?.id ?? null });
}

function asTaken({ key, budget, units, limit }: Reservation): Taken {
  return { key, budget, units, limit, held: false };
}

/** The earlier call that this one is, if any (DESIGN, "Sameness"). */
function findSame(database: Database, request: AdmitMessage): AdmitResult | null {
  const { call, key } = request;
  if (key !== null) {
    const known = findByKey(database, call, key);
    if (known !== null && known.callDigest !== call.callDigest) return { kind: "mismatch", callId: known.id };
    if (known !== null) return { kind: "same", call: asStored(known), attached: false };
    if (!request.keyMadeUp) return null;
  }
  const known = findOnceHeld(database, call) ?? (call.effect === "write" ? findOnItsWay(database, call) : null);
  return known === null ? null : { kind: "same", call: asStored(known), attached: true };
}

/** The call that took this key; keys belong to tenant, environment, agent and user. */
export function findByKey(database: Database, owner: KeyOwner, key: string): FoundCall | null {
  const { tenant, environment, agent, user } = owner;
  return findCall(
    database,
    "tenant = ? AND environment = ? AND agent = ? AND user = ? AND key = ?",
    tenant,
    environment,
    agent,
    user ?? "",
    key,
  );
}

type Sought = AdmitMessage["call"];

/** A call that was held and still waits, or ended in this run. What nobody decided on, or was never sent, may be asked for anew. */
function findOnceHeld(database: Database, call: Sought): FoundCall | null {
  const attaching =
    call.run === null ? "state IN ('held', 'approved', 'started', 'unknown')" : "state NOT IN ('not_sent', 'expired', 'cancelled')";
  const condition = `call_digest = ? AND run = ? AND was_held = 1 AND ${attaching} ORDER BY told DESC`;
  return findCall(database, condition, call.callDigest, call.run ?? "");
}

/** The condition of the index `calls_twin`, word for word. Calls that are on their way are in memory. */
const indexedTwin = "effect = 'write' AND state IN ('held', 'approved', 'unknown')";

/** A write of this run that is on its way or unknown. A read has no effect to protect: each one is its own. */
function findOnItsWay(database: Database, call: Sought): FoundCall | null {
  return (
    findStartedTwin(database, call, (other) => other.run === call.run) ??
    findCall(database, `call_digest = ? AND ${indexedTwin} AND run = ? AND state = 'unknown'`, call.callDigest, call.run ?? "")
  );
}

/** An open or unknown write of this tenant with the very same arguments: at least held, so that a person sees both. */
function findTwin(database: Database, call: Sought): FoundCall | null {
  return (
    findStartedTwin(database, call, () => true) ??
    findCall(database, `call_digest = ? AND ${indexedTwin} AND tenant = ?`, call.callDigest, call.tenant)
  );
}

function findStartedTwin(database: Database, call: Sought, fits: (other: { readonly run: string | null }) => boolean): FoundCall | null {
  const twin = listStarted(database, call.callDigest).find((one) => one.effect === "write" && one.tenant === call.tenant && fits(one));
  return twin === undefined ? null : findCall(database, "told = ?", twin.told);
}

/** How many holds are open already, when that is as many as may be; else null. */
function holdsBeyond(database: Database, { call, openHoldsMax }: AdmitMessage): number | null {
  const count = (condition: string, ...values: string[]): number =>
    database.row<{ n: number }>(`SELECT count(*) AS n FROM calls WHERE state IN ('held', 'approved') AND ${condition}`, ...values)?.n ?? 0;
  const { tenant, environment, agent } = call;
  const ofAgent = count("tenant = ? AND environment = ? AND agent = ?", tenant, environment, agent);
  if (ofAgent >= openHoldsMax.agent) return ofAgent;
  const ofRun =
    call.run === null ? 0 : count("tenant = ? AND environment = ? AND agent = ? AND run = ?", tenant, environment, agent, call.run);
  return call.run !== null && ofRun >= openHoldsMax.run ? ofRun : null;
}

interface Standing {
  readonly told: number;
  readonly hold: HoldTerms | null;
  readonly twin: FoundCall | null;
}

function insertCall(database: Database, request: AdmitMessage, { told, hold, twin }: Standing): void {
  const { call, key, nowMs, settleByMs } = request;
  const started = { state: "started", key, startedMs: nowMs, settleByMs } as const;
  const held = { state: "held", key, hold: JSON.stringify(hold), expiresMs: hold?.expiresAtMs ?? null, twin: twin?.id ?? null } as const;
  insertRow(database, call, { told, booked: told, nowMs, ...(hold === null ? started : held) });
}

/** Writes down that a known principal was refused. The row has no payload: what was refused is not kept. */
export function recordDenied(database: Database, { call, reasons, code, atMs }: DeniedFacts): void {
  const told = appendCallEntry(database, "call.denied", call, atMs, { facts: call, code, reasons });
  insertRow(database, call, { told, booked: null, nowMs: atMs, state: "denied" });
}

interface NewRow {
  readonly told: number;
  readonly booked: number | null;
  readonly nowMs: number;
  readonly state: "started" | "held" | "denied";
  readonly key?: string | null;
  readonly hold?: string | null;
  readonly expiresMs?: number | null;
  readonly twin?: string | null;
  readonly startedMs?: number;
  readonly settleByMs?: number;
}

const insertInto =
  "INSERT INTO calls (told, id, tenant, environment, agent, user, run, tool, effect, call_digest, key, state, was_held, hold, hold_expires_ms, twin, started_ms, settle_by_ms, booked, created_ms, updated_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/** A row of `calls`: what every call has, and the columns that this one has besides. */
function insertRow(database: Database, call: Omit<AdmitMessage["call"], "workflow">, row: NewRow): void {
  const { id, tenant, environment, agent, tool, effect, callDigest } = call;
  const { told, booked, nowMs, state, key = null, hold = null, expiresMs = null, twin = null, startedMs = null, settleByMs = null } = row;
  database.run(
    insertInto,
    ...[told, id, tenant, environment, agent, call.user ?? "", call.run ?? "", tool, effect, callDigest],
    ...[key, state, state === "held" ? 1 : 0, hold, expiresMs, twin, startedMs, settleByMs, booked, nowMs, nowMs],
  );
}

/** Reservations as the ledger tells them. */
export function toldReservations(reservations: readonly Reservation[]): readonly object[] {
  return reservations.map(({ key, budget, units, limit }) => ({ budget, key, limit, units }));
}

/** What the ledger says of a call that starts at once; the main thread writes it, the writer adds nothing but its number. */
export function startedEntry(
  call: CallFacts,
  { key, payload, reservations, settleByMs, nowMs }: Pick<AdmitMessage, "key" | "payload" | "reservations" | "settleByMs" | "nowMs">,
): string {
  const { agent, id, run, tenant, tool } = call;
  return canonicalJson({
    agent,
    at_ms: nowMs,
    call: id,
    facts: call,
    key,
    payload: payload.digest,
    reservations: toldReservations(reservations),
    run,
    settle_by_ms: settleByMs,
    tenant,
    tool,
    type: "call.started",
    v: 1,
  } as unknown as JsonObject);
}
