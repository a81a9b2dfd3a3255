import assert from "node:assert/strict";
import { test } from "node:test";
import { keepCall } from "../../src/path/admit-call.ts";
import type { Decided, KeptCall } from "../../src/path/call.ts";
import type { PathPorts } from "../../src/path/ports.ts";

test("a kept call holds its arguments and headers once, and all else that policy saw", () => {
  const args = { note: "n_1", text: "only-once" };
  const meantHeaders = { "x-declared": "also-once" };
  const policyInput = { v: 1, call: { id: "call_1" }, args, headers: meantHeaders, run: { id: "r_1", calls: [] } };
  let plain = "";
  const seal = (tenant: string, bytes: Uint8Array) => {
    plain = new TextDecoder().decode(bytes);
    return { tenant, digest: "", sealed: bytes };
  };
  const call = {
    principal: { tenant: "acme_co" },
    tool: { name: "notes.write", method: "POST" },
    outbound: { url: "https://notes.example/v1/notes", body: null },
    args,
    meantHeaders,
    findings: [],
    preview: null,
    policyInput,
  } as unknown as Decided;
  keepCall({ cipher: { seal } } as unknown as PathPorts, call);
  const kept = JSON.parse(plain) as KeptCall;
  assert.equal(plain.split("only-once").length - 1, 1);
  assert.equal(plain.split("also-once").length - 1, 1);
  assert.deepEqual({ ...kept.policyInput, args: kept.args, headers: kept.meantHeaders }, policyInput);
  assert.deepEqual(call.policyInput, policyInput, "what policy saw is not changed by keeping it");
});
