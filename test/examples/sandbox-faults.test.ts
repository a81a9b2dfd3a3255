import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault } from "../support/referee.ts";
import { codeOf, type Got, idOf, refund, refundedOf, send, start } from "./sandbox-client.ts";

test("the request is on disk while no answer has come, and a hang ends when the faults are cleared", async (t) => {
  for (const act of [false, true]) {
    const referee = await start(t);
    await referee.setFault({ path_prefix: "/v1/refunds", mode: "hang", act });
    let answered = false;
    const answer = send(referee, refund(700)).finally(() => (answered = true));
    const line = await referee.waitForRequest((request) => request.url === "/v1/refunds");
    assert.equal(line.body, '{"charge":"ch_1001","amount":700}');
    assert.equal(await refundedOf(referee), act ? 700 : 0);
    assert.equal(answered, false);
    await referee.clearFaults();
    const got = await answer;
    assert.deepEqual([got.status, got.cut], act ? [200, ""] : [null, "ECONNRESET"]);
    assert.equal(referee.effects("refund").length, act ? 1 : 0);
  }
});

test("a client that leaves a hang does not undo what was done", async (t) => {
  const referee = await start(t);
  await referee.setFault({ path_prefix: "/v1/", mode: "hang", act: true });
  const leaving = new AbortController();
  const answer = send(referee, refund(700), leaving.signal);
  await referee.waitForRequest((request) => request.method === "POST");
  leaving.abort();
  assert.equal((await answer).status, null);
  assert.equal(await refundedOf(referee), 700);
});

const faultRows: { fault: Omit<Fault, "path_prefix">; shows: (got: Got) => boolean; acts?: true }[] = [
  { fault: { mode: "reset_before" }, shows: (got) => got.status === null && got.cut === "ECONNRESET" },
  { fault: { mode: "reset_after_headers" }, shows: (got) => got.status === 200 && got.cut === "ECONNRESET" && got.text === "" },
  { fault: { mode: "reset_mid_body" }, shows: (got) => got.status === 200 && got.cut === "ECONNRESET" && got.text.length > 2 },
  { fault: { mode: "garbage" }, shows: (got) => got.status === null && got.cut.startsWith("HPE_") },
  {
    fault: { mode: "redirect", location: "http://127.0.0.1:1/x" },
    shows: (got) => got.status === 307 && got.headers.location === "http://127.0.0.1:1/x",
  },
  {
    fault: { mode: "redirect", location: "/v1/charges", status: 302 },
    shows: (got) => got.status === 302 && got.headers.location === "/v1/charges",
  },
  { fault: { mode: "status" }, shows: (got) => got.status === 503 },
  { fault: { mode: "status", status: 429 }, shows: (got) => got.status === 429 && codeOf(got) === "fault_injected" },
  {
    fault: { mode: "huge", bytes: 300_001 },
    shows: (got) => got.status === 200 && got.text.length === 300_001 && JSON.parse(got.text) !== null,
  },
  {
    fault: { mode: "not_json" },
    shows: (got) => got.status === 200 && got.headers["content-type"] === "text/html" && got.text.startsWith("<html>"),
  },
  { fault: { mode: "slow", delay_ms: 5 }, shows: (got) => idOf(got).startsWith("re_"), acts: true },
  { fault: { mode: "slow", delay_ms: 1, bytes: 20 }, shows: (got) => idOf(got).startsWith("re_"), acts: true },
];

test("each fault shows itself once to the client, and acts only when told", async (t) => {
  const referee = await start(t);
  let refunded = 0;
  for (const { fault, shows, acts } of faultRows) {
    for (const act of [false, true]) {
      await referee.setFault({ ...fault, path_prefix: "/v1/refunds", method: "POST", act });
      const got = await send(referee, refund(10));
      assert.ok(shows(got), `${fault.mode} with act ${act} gave ${got.status} ${got.cut} ${got.text.slice(0, 80)}`);
      refunded += act || acts === true ? 10 : 0;
      assert.equal(await refundedOf(referee), refunded, `${fault.mode} with act ${act}`);
    }
  }
  assert.equal(faultRows.length, 12);
  assert.equal((await send(referee, refund(10))).status, 200, "no fault is left");
  assert.equal(referee.effects("refund").length, 15);
});

test("a fault is played `times` times, for its own method and path, oldest first", async (t) => {
  const referee = await start(t);
  await referee.setFault({ method: "GET", path_prefix: "/v1/charges/ch_1001", mode: "status", status: 500, times: 2 });
  await referee.setFault({ path_prefix: "/v1/charges", mode: "status", status: 502 });
  const rows: [string, number][] = [
    ["/v1/tickets", 200],
    ["/v1/charges/ch_1001", 500],
    ["/v1/charges/ch_1002", 502],
    ["/v1/charges/ch_1001", 500],
    ["/v1/charges/ch_1001", 200],
  ];
  for (const [path, status] of rows) assert.equal((await send(referee, { path })).status, status, path);
});

test("a fault that is not well described is refused", async (t) => {
  const referee = await start(t);
  const rows: unknown[] = [
    { mode: "hang" },
    { path_prefix: "/", mode: "explode" },
    { path_prefix: "/", mode: "redirect" },
    { path_prefix: "/", mode: "hang", times: 0 },
    { path_prefix: "/", mode: "hang", ati: true },
    { path_prefix: "/", mode: "status", status: 99 },
    { path_prefix: "/", mode: "status", act: "yes" },
  ];
  for (const row of rows) await assert.rejects(referee.setFault(row as Fault), /refused the fault/, JSON.stringify(row));
  assert.equal((await send(referee, { path: "/v1/charges" })).status, 200);
});

test("without --control there are no controls: they are ordinary requests, refused and logged", async (t) => {
  const referee = await start(t, { control: false });
  await assert.rejects(referee.setFault({ path_prefix: "/", mode: "hang" }), /unauthorized/);
  assert.equal(codeOf(await send(referee, { path: "/_control/effects" })), "route_not_found");
  assert.equal(referee.requests().length, 2);
});
