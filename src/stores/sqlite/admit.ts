import type { AdmitRequest, AdmitResult, CallFacts, DeniedFacts, KeyOwner, StoredCall } from "../../ports/calls.ts";
import type { Reservation } from "../../rules/budgets.ts";
import type { HoldTerms } from "../../rules/holds.ts";
import { endWithoutAnswer } from "../../rules/settled.ts";
import { openStates } from "../../rules/states.ts";
import { firstCovering } from "../../rules/stops.ts";
import { checkReservations, takeReservations } from "./accounts.ts";
import type { Database } from "./database.ts";
import { insertPayload } from "./payloads.ts";
import { appendCallEntry, findCall } from "./rows.ts";
import { readStops } from "./stops.ts";

const open = openStates.map((state) => `'${state}'`).join(", ");

/**
 * The admission: one list of checks, then one list of writes. Nothing is written before every check has passed, so that a refusal leaves
 * nothing behind.
 */
export function admitCall(database: Database, request: AdmitRequest): AdmitResult {
  const { call, nowMs } = request;
  const stop = firstCovering(readStops(database), call, nowMs);
  if (stop !== null) return { kind: "stopped", stop };
  const same = request.alone ? null : findSame(database, request);
  if (same !== null) return same;
  const twin = request.alone || call.effect === "read" ? null : findTwin(database, call);
  const hold = request.hold ?? (twin === null ? null : request.holdIfTwin);
  if (twin !== null && hold === null) return { kind: "same", call: twin, attached: true };
  const holds = hold === null ? null : holdsBeyond(database, request);
  if (holds !== null) return { kind: "holds_too_many", open: holds };
  const beyond = checkReservations(database, request.reservations, hold !== null, null);
  if (beyond !== null) return { kind: "beyond", ...beyond };
  insertCall(database, request, hold, twin);
  takeReservations(database, call.id, request.reservations, hold !== null);
  insertPayload(database, request.payload, nowMs);
  appendAdmission(database, request, hold, twin);
  return hold === null ? { kind: "started" } : { kind: "held", hold };
}

function appendAdmission(database: Database, request: AdmitRequest, hold: HoldTerms | null, twin: StoredCall | null): void {
  const { call, nowMs } = request;
  const body = { facts: call, key: request.key, payload: request.payload.digest, reservations: toldReservations(request.reservations) };
  if (hold === null) appendCallEntry(database, "call.started", call, nowMs, { ...body, settle_by_ms: request.settleByMs });
  else appendCallEntry(database, "call.held", call, nowMs, { ...body, hold, twin: twin?.id ?? null });
}

/** Reservations as the ledger tells them. */
export function toldReservations(reservations: readonly Reservation[]): readonly object[] {
  return reservations.map(({ key, budget, units, limit }) => ({ key, budget, units, limit }));
}

/** The earlier call that this one is, if any (DESIGN, "Sameness"). */
function findSame(database: Database, request: AdmitRequest): AdmitResult | null {
  const { call, key } = request;
  if (key !== null) {
    const known = findByKey(database, call, key);
    if (known === null) return null;
    return known.callDigest === call.callDigest ? { kind: "same", call: known, attached: false } : { kind: "mismatch", callId: known.id };
  }
  const known = findOnceHeld(database, call) ?? (call.effect === "write" ? findOnItsWay(database, call) : null);
  return known === null ? null : { kind: "same", call: known, attached: true };
}

/** The call that took this key; keys belong to tenant, environment, agent and user. */
export function findByKey(database: Database, owner: KeyOwner, key: string): StoredCall | null {
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

/** A call that was held and still waits, or ended in this run. What nobody decided on, or was never sent, may be asked for anew. */
function findOnceHeld(database: Database, call: CallFacts): StoredCall | null {
  const attaching =
    call.run === null ? "state IN ('held', 'approved', 'started', 'unknown')" : "state NOT IN ('not_sent', 'expired', 'cancelled')";
  const condition = `call_digest = ? AND run = ? AND was_held = 1 AND ${attaching} ORDER BY created_ms DESC`;
  return findCall(database, condition, call.callDigest, call.run ?? "");
}

/** A write of this run that is on its way or unknown. A read has no effect to protect: each one is its own. */
function findOnItsWay(database: Database, call: CallFacts): StoredCall | null {
  const condition = `call_digest = ? AND effect = 'write' AND state IN (${open}) AND run = ? AND state IN ('started', 'unknown')`;
  return findCall(database, condition, call.callDigest, call.run ?? "");
}

/** An open or unknown write of this tenant with the very same arguments: at least held, so that a person sees both. */
function findTwin(database: Database, call: CallFacts): StoredCall | null {
  return findCall(database, `call_digest = ? AND effect = 'write' AND state IN (${open}) AND tenant = ?`, call.callDigest, call.tenant);
}

/** How many holds are open already, when that is as many as may be; else null. */
function holdsBeyond(database: Database, { call, openHoldsMax }: AdmitRequest): number | null {
  const count = (condition: string, ...values: string[]): number =>
    database.row<{ n: number }>(`SELECT count(*) AS n FROM calls WHERE state IN ('held', 'approved') AND ${condition}`, ...values)?.n ?? 0;
  const { tenant, environment, agent } = call;
  const ofAgent = count("tenant = ? AND environment = ? AND agent = ?", tenant, environment, agent);
  if (ofAgent >= openHoldsMax.agent) return ofAgent;
  const ofRun =
    call.run === null ? 0 : count("tenant = ? AND environment = ? AND agent = ? AND run = ?", tenant, environment, agent, call.run);
  return call.run !== null && ofRun >= openHoldsMax.run ? ofRun : null;
}

function insertCall(database: Database, request: AdmitRequest, hold: HoldTerms | null, twin: StoredCall | null): void {
  const { call, key, payload, nowMs, settleByMs } = request;
  const held = { state: "held", was_held: 1, hold: JSON.stringify(hold), hold_expires_ms: hold?.expiresAtMs ?? null } as const;
  const started = { state: "started", was_held: 0, started_ms: nowMs, settle_by_ms: settleByMs } as const;
  insertRow(database, call, nowMs, { key, payload_digest: payload.digest, twin: twin?.id ?? null, ...(hold === null ? started : held) });
}

/** Writes down that a known principal was refused. The row has no payload: what was refused is not kept. */
export function recordDenied(database: Database, { call, reasons, code, atMs }: DeniedFacts): void {
  const settled = endWithoutAnswer({ outcome: "denied", code, reasons });
  insertRow(database, call, atMs, { state: "denied", was_held: 0, payload_digest: "", settled: JSON.stringify(settled) });
  appendCallEntry(database, "call.denied", call, atMs, { facts: call, code, reasons });
}

/** A row of `calls`: what every call has, and the columns that this one has besides. */
function insertRow(database: Database, call: CallFacts, nowMs: number, more: Readonly<Record<string, string | number | null>>): void {
  const row = {
    id: call.id,
    tenant: call.tenant,
    environment: call.environment,
    agent: call.agent,
    user: call.user ?? "",
    run: call.run ?? "",
    tool: call.tool,
    effect: call.effect,
    call_digest: call.callDigest,
    facts: JSON.stringify(call),
    created_ms: nowMs,
    updated_ms: nowMs,
    ...more,
  };
  const columns = Object.keys(row);
  database.run(`INSERT INTO calls (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`, ...Object.values(row));
}
