import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { duties } from "../../src/control/duties.ts";
import type { ControlPorts } from "../../src/control/ports.ts";
import type { StoredCall } from "../../src/ports/calls.ts";
import { inject } from "../path/wide-gateway.ts";
import { eventually, type TestGateway } from "../support/gateway.ts";
import { type Attacked, broken, openAttacked } from "./attacked.ts";

let attacked: Attacked;
let world: TestGateway;
before(async () => {
  attacked = await openAttacked();
  world = attacked.world;
});
after(() => world.close());

const duty = (name: string) => {
  const found = duties.find((one) => one.name === name);
  assert.ok(found, name);
  return found;
};

test("a repeat of an executed call is never told NOT executed, although its answer cannot be read from the store", async () => {
  const call = await attacked.refund();
  assert.equal((await call.send()).status, 200);
  const restore = inject(world.gateway.ports.calls, "payload", broken);
  try {
    attacked.assertTruth(await call.send(), call.reason, "the same key again");
  } finally {
    restore();
  }
  assert.equal(attacked.refunds(call.reason), 1);
});

test("a repeat of an executed call is never told NOT executed because of what came since: a stop, an upstream that is down", async () => {
  const call = await attacked.refund();
  assert.equal((await call.send()).status, 200);
  await world.sandbox.setFault({ method: "GET", path_prefix: "/v1/charges", mode: "status", status: 503, times: 1 });
  attacked.assertTruth(await call.send(), call.reason, "the preview fails by now");
  await world.sandbox.clearFaults();
  const stop = await world.people("operator", "POST", "/sallyport/v1/stops", { scope: { run: `r_${call.reason}` }, reason: "odd" });
  try {
    attacked.assertTruth(await call.send(), call.reason, "stopped by now");
  } finally {
    await world.people("operator", "DELETE", `/sallyport/v1/stops/${(stop.body["stop"] as { id: string }).id}`);
  }
});

test("who asks for an executed call is never told NOT executed, although the store cannot be asked", async () => {
  const call = await attacked.refund();
  const id = (await call.send()).headers.get("sallyport-call-id");
  for (const method of ["find", "payload"] as const) {
    const restore = inject(world.gateway.ports.calls, method, broken);
    try {
      attacked.assertTruth(await world.request("GET", `/sallyport/v1/calls/${id}`, { token: call.token }), call.reason, method);
      attacked.assertTruth(
        await world.request("DELETE", `/sallyport/v1/calls/${id}`, { token: call.token }),
        call.reason,
        `cancel, ${method}`,
      );
    } finally {
      restore();
    }
  }
});

test("who waits for a held call is never told NOT executed after people approved it and it ran", async () => {
  const call = await attacked.refund(20_000);
  const { calls } = world.gateway.ports;
  const find = calls.find.bind(calls);
  const waiting = call.send({ prefer: "wait=8" });
  const id = await eventually(
    "the call is held",
    async () => (await calls.list({ states: ["held"], run: `r_${call.reason}`, limit: 1 }))[0]?.id,
  );
  const restore = inject(calls, "find", async (one) => {
    const found = await find(one);
    return found?.state === "succeeded" ? broken() : found;
  });
  try {
    await attacked.approveInStore(id);
    const answer = await waiting;
    assert.equal(attacked.refunds(call.reason), 1);
    attacked.assertTruth(answer, call.reason, "Prefer: wait");
  } finally {
    restore();
  }
});

test("with the store failing at each of its steps a call is either not executed or not told so, and nothing is left unhandled", async () => {
  const unhandled: unknown[] = [];
  const listen = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", listen);
  const steps = ["standing", "admit", "settle", "recordDenied", "payload", "find", "start", "end", "due"] as const;
  for (const step of steps) {
    for (const amount of [100, 20_000]) {
      const call = await attacked.refund(amount);
      const restore = inject(world.gateway.ports.calls, step, broken as never);
      try {
        attacked.assertTruth(await call.send(), call.reason, `${step} ${amount}`);
      } finally {
        restore();
      }
      assert.ok(attacked.refunds(call.reason) <= 1);
    }
    const read = inject(world.gateway.ports.calls, step, broken as never);
    await world.call("payments.lookup_charge", { charge: "ch_1006" });
    await world.call("payments.lookup_charge", { charge: 7 });
    read();
  }
  await eventually(
    "what could not be written is written",
    async () => (await world.gateway.ports.calls.list({ states: ["started"], limit: 10 })).length === 0,
  );
  process.off("unhandledRejection", listen);
  assert.deepEqual(unhandled, []);
});

test("a failed call whose answer was erased is not told as executed", async () => {
  const { answerStored } = await import("../../src/path/answers.ts");
  const { factsOf, endedAs } = await import("../stores/requests.ts");
  const stored: StoredCall = {
    ...{
      ...factsOf(),
      key: null,
      state: "failed",
      updatedAtMs: 0,
      startedAtMs: 0,
      settleByMs: 0,
      hold: null,
      votes: [],
      twin: null,
      payloadDigest: "",
    },
    settled: endedAs("failed", { status: 402, answerDigest: "gone" }),
  };
  const answer = answerStored(stored, null, false);
  assert.ok(answer.kind === "problem" && answer.executed !== true, JSON.stringify(answer));
});

test("a call whose admission took long is not sent later than its record says", async () => {
  const call = await attacked.refund();
  const { calls, upstreams } = world.gateway.ports;
  const admit = calls.admit.bind(calls);
  const send = upstreams.send.bind(upstreams);
  const later = (ms: number): void => {
    attacked.clock.pass(ms);
    attacked.clock.leap(ms);
  };
  const restoreAdmit = inject(calls, "admit", async (request) => {
    const result = await admit(request);
    if (request.call.effect === "write") later(4000);
    return result;
  });
  const restoreSend = inject(upstreams, "send", (request) => {
    if (request.method === "POST") later(2000);
    return send(request);
  });
  try {
    const answer = await call.send();
    assert.equal(attacked.refunds(call.reason), 0, `sent 6 s after an admission that allows 5 s: ${answer.text}`);
  } finally {
    restoreAdmit();
    restoreSend();
  }
});

test("an approved call whose start took long is not sent later than its record says", async () => {
  const call = await attacked.held();
  const { calls, upstreams } = world.gateway.ports;
  const start = calls.start.bind(calls);
  const send = upstreams.send.bind(upstreams);
  const restoreStart = inject(calls, "start", async (request) => {
    const result = await start(request);
    attacked.clock.pass(4000);
    attacked.clock.leap(4000);
    return result;
  });
  const restoreSend = inject(upstreams, "send", (request) => {
    if (request.method === "POST") attacked.clock.leap(2000);
    return send(request);
  });
  try {
    await attacked.approveInStore(call.id);
    await eventually("the call has ended", async () => ["succeeded", "not_sent"].includes((await attacked.stateOf(call.id)) ?? ""));
    assert.equal(attacked.refunds(call.reason), 0);
  } finally {
    restoreStart();
    restoreSend();
  }
});

test("an unknown call is not reconciled before its time is over", async () => {
  const call = await attacked.refund();
  await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "reset_mid_body", act: true, times: 1 });
  const answer = await call.send();
  assert.equal(answer.body["executed"], "unknown", answer.text);
  const body = { outcome: "not_sent", reason: "I looked" };
  const early = await world.people("operator", "POST", `/sallyport/v1/calls/${String(answer.body["call_id"])}/reconcile`, body);
  assert.deepEqual([early.status, await attacked.stateOf(answer.body["call_id"] as string)], [409, "unknown"]);
});

test("a hold that cannot be ended does not keep the others from expiring", async () => {
  const [poison, honest] = [await attacked.held(), await attacked.held()];
  const real = world.gateway.ports;
  const end: ControlPorts["calls"]["end"] = (id, ...rest) => (id === poison.id ? broken() : real.calls.end(id, ...rest));
  const due = async () => ({ expired: [poison.id, honest.id], approved: [], overdue: [] });
  await duty("expire holds")
    .run({ ...real, calls: { ...real.calls, end, due } })
    .catch(() => undefined);
  assert.equal(await attacked.stateOf(honest.id), "expired");
});

test("an overdue call that cannot be interrupted does not keep the others from becoming unknown", async () => {
  const interrupted: string[] = [];
  const real = world.gateway.ports;
  const interrupt: ControlPorts["calls"]["interrupt"] = async (id) => {
    if (id === "poison") return broken();
    interrupted.push(id);
    return "unknown";
  };
  const due = async () => ({ expired: [], approved: [], overdue: ["poison", "honest"] });
  await duty("settle overdue calls")
    .run({ ...real, calls: { ...real.calls, interrupt, due } })
    .catch(() => undefined);
  assert.deepEqual(interrupted, ["honest"]);
});

test("an outcome that can never be written does not keep the others from being written", async () => {
  const { createUnsettled } = await import("../../src/wiring/unsettled.ts");
  const unsettled = createUnsettled(() => undefined);
  let written = 0;
  unsettled.add(() => broken());
  unsettled.add(async () => {
    written += 1;
  });
  for (let round = 0; round < 3; round += 1) await unsettled.retry();
  assert.deepEqual([written, unsettled.count()], [1, 1]);
});

test("an approved call runs although another one is still waiting for its upstream", async () => {
  const [slow, quick] = [await attacked.held(), await attacked.held()];
  await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "slow", delay_ms: 5000, times: 1 });
  await attacked.approveInStore(slow.id);
  await world.sandbox.waitForRequest(({ method, body }) => method === "POST" && body.includes(`"${slow.reason}"`));
  await attacked.approveInStore(quick.id);
  try {
    await eventually("the quick one has run", async () => (await attacked.stateOf(quick.id)) === "succeeded", 3000);
  } finally {
    for (const { id } of [slow, quick]) await eventually("it has run in the end", async () => (await attacked.stateOf(id)) === "succeeded");
  }
});

test("an approved call waits when the upstream cannot be asked for its preview, and runs when it can", async () => {
  const call = await attacked.held();
  await world.sandbox.setFault({ method: "GET", path_prefix: "/v1/charges", mode: "reset_before", times: 1 });
  await attacked.approveInStore(call.id);
  const end = await eventually("the call has ended", async () => {
    const state = await attacked.stateOf(call.id);
    return state === "succeeded" || state === "refused" ? state : null;
  });
  assert.equal(end, "succeeded");
});
