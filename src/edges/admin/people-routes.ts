import type { FastifyRequest } from "fastify";
import { cancelCall } from "../../control/cancel-call.ts";
import { runApproved } from "../../control/duties.ts";
import type { ControlPorts } from "../../control/ports.ts";
import { printRun } from "../../control/print-run.ts";
import { reconcileCall } from "../../control/reconcile-call.ts";
import { isRefusal, type Refusal, refuseRequest } from "../../control/refusal.ts";
import { clearStop, listStops, setStop } from "../../control/set-stop.ts";
import { showCall } from "../../control/show-hold.ts";
import { voteOnHold } from "../../control/vote-on-hold.ts";
import type { Person, Role } from "../../rules/principal.ts";
import { type State, states } from "../../rules/states.ts";
import type { Operation } from "../listener/openapi.ts";
import { peopleOperations as operations } from "./openapi-operations.ts";
import { readReason, readReconcile, readStop, readVote } from "./read-body.ts";
import { type Query, readCount } from "./read-query.ts";

/** One thing that people may do. Everything that the CLI does for people goes through these. */
export interface PeopleRoute {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: string;
  /** Any of these roles; `admin` may do everything. */
  readonly roles: readonly Role[];
  /** What the OpenAPI document says of it. */
  readonly operation: Operation;
  /** Its query is as the operation declares it. */
  readonly handle: (ports: ControlPorts, person: Person, request: FastifyRequest, query: Query) => Promise<object | Refusal>;
}

const base = "/sallyport/v1";
const readers: readonly Role[] = ["viewer", "approver", "operator", "auditor"];

export const peopleRoutes: readonly PeopleRoute[] = [
  { method: "GET", url: `${base}/me`, roles: readers, operation: operations.getMe, handle: async (_ports, person) => ({ person }) },
  { method: "GET", url: `${base}/calls`, roles: readers, operation: operations.listCalls, handle: listCalls },
  { method: "GET", url: `${base}/calls/:id`, roles: readers, operation: operations.getCall, handle: answerCall },
  { method: "POST", url: `${base}/calls/:id/cancel`, roles: ["operator"], operation: operations.cancelCall, handle: cancel },
  { method: "POST", url: `${base}/calls/:id/reconcile`, roles: ["operator"], operation: operations.reconcileCall, handle: reconcile },
  { method: "GET", url: `${base}/holds`, roles: readers, operation: operations.listHolds, handle: listHolds },
  { method: "POST", url: `${base}/holds/:id/votes`, roles: ["approver"], operation: operations.voteOnHold, handle: vote },
  {
    method: "GET",
    url: `${base}/runs`,
    roles: readers,
    operation: operations.listRuns,
    handle: async (ports) => ({ runs: await ports.runs.list(200) }),
  },
  { method: "GET", url: `${base}/runs/:tenant/:agent/:run`, roles: readers, operation: operations.getRun, handle: answerRun },
  {
    method: "GET",
    url: `${base}/stops`,
    roles: readers,
    operation: operations.listStops,
    handle: async (ports) => ({ stops: await listStops(ports) }),
  },
  { method: "POST", url: `${base}/stops`, roles: ["operator"], operation: operations.setStop, handle: stop },
  {
    method: "DELETE",
    url: `${base}/stops/:id`,
    roles: ["operator"],
    operation: operations.clearStop,
    handle: (ports, person, request) => clearStop(ports, person, parameter(request, "id")),
  },
  { method: "GET", url: `${base}/ledger`, roles: ["auditor"], operation: operations.readLedger, handle: readLedger },
];

function parameter(request: FastifyRequest, name: string): string {
  return (request.params as Readonly<Record<string, string>>)[name] ?? "";
}

async function listCalls(ports: ControlPorts, _person: Person, _request: FastifyRequest, query: Query): Promise<object> {
  const { state, limit: wanted = "50", ...names } = query;
  if (state !== undefined && !states.includes(state as State)) return refuseRequest("ERR_INVALID", `state is one of ${states.join(", ")}`);
  const limit = readCount(wanted, 1000);
  if (limit === null) return refuseRequest("ERR_INVALID", "limit is a whole number from 1 to 1000");
  return { calls: await ports.calls.list({ ...names, ...(state === undefined ? {} : { states: [state as State] }), limit }) };
}

async function answerCall(ports: ControlPorts, _person: Person, request: FastifyRequest): Promise<object> {
  return (await showCall(ports, parameter(request, "id"))) ?? refuseRequest("ERR_NOT_FOUND", `no call ${parameter(request, "id")}`);
}

async function listHolds(ports: ControlPorts): Promise<object> {
  return { holds: await ports.calls.list({ states: ["held", "approved"], limit: 500 }) };
}

async function vote(ports: ControlPorts, person: Person, request: FastifyRequest): Promise<object> {
  const read = readVote(request.body);
  if (isRefusal(read)) return read;
  const result = await voteOnHold(ports, person, { ...read, callId: parameter(request, "id") });
  // What was just approved runs now; the duty is for what a crash or a fault left behind.
  if ("state" in result && result.state === "approved")
    void runApproved(ports).catch((error: unknown) => ports.onFault(parameter(request, "id"), error));
  return result;
}

async function cancel(ports: ControlPorts, person: Person, request: FastifyRequest): Promise<object> {
  const reason = readReason(request.body);
  if (typeof reason !== "string") return reason;
  const call = await ports.calls.find(parameter(request, "id"));
  if (call === null) return refuseRequest("ERR_NOT_FOUND", `no call ${parameter(request, "id")}`);
  const cancelled = await cancelCall(ports, call, person.person, reason);
  return cancelled
    ? { state: "cancelled" }
    : refuseRequest("ERR_CONFLICT", `the call is ${call.state}, only held and approved calls are cancelled`);
}

async function reconcile(ports: ControlPorts, person: Person, request: FastifyRequest): Promise<object> {
  const read = readReconcile(request.body);
  return isRefusal(read) ? read : reconcileCall(ports, person, { ...read, callId: parameter(request, "id") });
}

async function answerRun(ports: ControlPorts, _person: Person, request: FastifyRequest): Promise<object> {
  const key = { tenant: parameter(request, "tenant"), agent: parameter(request, "agent"), run: parameter(request, "run") };
  return (await printRun(ports, key)) ?? refuseRequest("ERR_NOT_FOUND", `no run ${key.run} of ${key.agent} for ${key.tenant}`);
}

async function stop(ports: ControlPorts, person: Person, request: FastifyRequest): Promise<object> {
  const read = readStop(request.body);
  return isRefusal(read) ? read : { stop: await setStop(ports, person, read) };
}

async function readLedger(ports: ControlPorts, _person: Person, _request: FastifyRequest, query: Query): Promise<object> {
  const from = readCount(query["from"] ?? "1", Number.MAX_SAFE_INTEGER);
  const limit = readCount(query["limit"] ?? "1000", 1000);
  if (from === null || limit === null) return refuseRequest("ERR_INVALID", "from is at least 1, limit 1 to 1000");
  return { head: await ports.ledger.head(), entries: await ports.ledger.read(from, limit) };
}
