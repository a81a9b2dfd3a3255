import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type DevIssuer, openDevIssuer } from "../src/adapters/dev-issuer/issuer.ts";
import { openAgentTokens } from "../src/adapters/jose/tokens.ts";
import { admitCall, keepCall } from "../src/path/admit-call.ts";
import type { Decided, Executed, Governable, Identified, Received, Resolved, Started } from "../src/path/call.ts";
import { checkContract } from "../src/path/check-contract.ts";
import { decide } from "../src/path/decide.ts";
import { identify } from "../src/path/identify.ts";
import { limitRate } from "../src/path/limit-rate.ts";
import { resolve } from "../src/path/resolve.ts";
import { settle } from "../src/path/settle.ts";
import { type Denial, isDenial } from "../src/rules/denial.ts";
import { readJsonObject } from "../src/rules/strict-json.ts";
import { type Gateway, openGateway } from "../src/wiring/sqlite.ts";
import { measureFsync } from "./disk.ts";
import { writeGatewayFiles } from "./gateway-files.ts";
import { writeSection } from "./report.ts";
import { expectedAnswer, noteId, writeBody } from "./requests.ts";

export interface StepsOptions {
  readonly folder: string;
  readonly quick: boolean;
  readonly write: boolean;
}

/** What a step took: µs for each call, the middle of several batches. */
interface Timed {
  readonly step: string;
  readonly micros: number;
}

const batches = 9;
const hourMs = 3_600_000;
const encoder = new TextEncoder();

/** Times the steps of a call one by one, in this process and without a listener. Answers the exit code. */
export async function timeSteps({ folder: parent, quick, write }: StepsOptions): Promise<number> {
  const folder = mkdtempSync(join(parent, "sallyport-steps-"));
  try {
    const gateway = await openGateway(gatewayOptions(folder));
    const rows = await timeAll(gateway, openDevIssuer(join(folder, "data")), quick ? 50 : 500);
    await gateway.close();
    const fsync = measureFsync(parent, 200);
    const disk = `While this was measured, one fdatasync of 4 KiB took ${fsync.p50Ms.toFixed(2)} ms in the middle and ${fsync.p99Ms.toFixed(2)} ms at p99.`;
    const table = [
      "| step | µs |",
      "| --- | ---: |",
      ...rows.map(({ step, micros }) => `| ${step} | ${micros.toFixed(micros < 10 ? 1 : 0)} |`),
    ];
    const text = [...table, "", disk].join("\n");
    process.stdout.write(`${text}\n`);
    if (write) writeSection("steps", text);
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function gatewayOptions(folder: string) {
  const upstreams = { notes: "http://127.0.0.1:9" };
  const dataDir = join(folder, "data");
  return { configFile: writeGatewayFiles(folder), dev: true, dataDir, agentsPort: 0, peoplePort: 0, upstreams, logLevel: "error" };
}

async function timeAll({ ports }: Gateway, issuer: DevIssuer, perBatch: number): Promise<readonly Timed[]> {
  const token = await issuer.mintAgentToken({ agent: "bench-agent", tenant: "acme_co", run: "r_steps", ttlMs: hourMs });
  let number = 0;
  const receive = (): Received => received(token, (number += 1));
  const identified = async (): Promise<Identified> => sure(await identify(ports, receive()));
  const resolved = async (): Promise<Resolved> => sure(resolve(ports, await identified()));
  const governable = async (): Promise<Governable> => sure(checkContract(await resolved()));
  // Every decided call gets a run of its own, or the last of them would be judged with thousands of calls behind it.
  const decided = async (): Promise<Decided> => {
    const call = await governable();
    return sure(await decide(ports, { ...call, principal: { ...call.principal, run: `r_${number}` } }));
  };
  const started = async (): Promise<Started> => {
    const admission = sure(await admitCall(ports, await decided()));
    if (admission.kind !== "started") throw new Error(`a call of the bench was ${admission.kind}`);
    return admission.call;
  };
  const executed = async (): Promise<Executed> => ({ ...(await started()), result: answered(number), latencyMs: 1 });
  const [call, governed, judged] = [await identified(), await governable(), await decided()];
  const cold = openAgentTokens([issuer.agentIssuer], { cacheEntriesMax: 0 });
  const [rsa, ed] = [coldIssuer("RS256"), coldIssuer("EdDSA")];
  const time = (step: string, run: (index: number) => unknown): Promise<Timed> => timeOne(step, perBatch, run);
  const slow = Math.max(10, perBatch >> 3);
  return [
    await time("identify, a token seen before", () => identify(ports, { ...call })),
    await time("identify, a new token (ES256)", () => cold.verify(token, Date.now())),
    await time("identify, a new token (RS256)", () => rsa.tokens.verify(rsa.token, Date.now())),
    await time("identify, a new token (EdDSA)", () => ed.tokens.verify(ed.token, Date.now())),
    await time("strict read of the body", () => readJsonObject(call.body ?? new Uint8Array())),
    await time("resolve (strict read, schema, findings, canonical form, digest)", () => resolve(ports, call)),
    await time("contract and binding", () => checkContract(governed)),
    await time("rates", () => limitRate(ports, governed)),
    await time("policy, evaluation alone", () => ports.policy().evaluate(judged.policyInput)),
    await time("decide (standing from the store, input, policy)", () => decide(ports, governed)),
    await time("seal the payload", () => keepCall(ports, judged)),
    await timePrepared("admit, durable, one at a time", slow, 1, decided, (one) => admitCall(ports, one)),
    await timePrepared("admit, durable, 64 at once", slow, 64, decided, (one) => admitCall(ports, one)),
    await timePrepared("settle, durable, one at a time", slow, 1, executed, (one) => settle(ports, one)),
    await timePrepared("settle, durable, 64 at once", slow, 64, executed, (one) => settle(ports, one)),
  ];
}

/** An issuer of one key, whose verifier remembers nothing, and a token like the bench's other ones. */
function coldIssuer(alg: "RS256" | "EdDSA") {
  const { publicKey, privateKey } = alg === "RS256" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ed25519");
  const issuer = { issuer: "https://bench.example", audience: "sallyport", algorithms: [alg], typ: ["at+jwt"] } as const;
  const tokens = openAgentTokens([{ ...issuer, jwks: { keys: { keys: [publicKey.export({ format: "jwk" })] } } }], { cacheEntriesMax: 0 });
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer.issuer, aud: issuer.audience, sub: "bench-agent", tenant: "acme_co", run: "r_steps", iat, exp: iat + 3600 };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${part({ alg, typ: "at+jwt" })}.${part(claims)}`;
  const signature = sign(alg === "RS256" ? "sha256" : null, Buffer.from(input), privateKey).toString("base64url");
  return { tokens, token: `${input}.${signature}` };
}

function received(token: string, number: number): Received {
  const headers = new Map([
    ["authorization", [`Bearer ${token}`]],
    ["content-type", ["application/json"]],
    ["idempotency-key", [noteId(number)]],
  ]);
  const target = { by: "path", method: "POST", rawPath: "/notes/v1/notes", rawQuery: "", port: null } as const;
  const id = `call_${String(number).padStart(26, "0")}`;
  return { id, receivedAtMs: Date.now(), target, headers, body: encoder.encode(writeBody(number)) };
}

function answered(number: number): Executed["result"] {
  return {
    kind: "answered",
    status: 200,
    contentType: "application/json",
    encoding: null,
    body: encoder.encode(expectedAnswer("write", number)),
  };
}

function sure<T>(value: T | Denial): T {
  if (isDenial(value)) throw new Error(`a step of the bench was denied: ${value.denied} ${value.detail ?? ""}`);
  return value;
}

/** Runs a step so often in each of several batches; the first batch is a warm-up and is not counted. */
async function timeOne(step: string, perBatch: number, run: (index: number) => unknown): Promise<Timed> {
  const took: number[] = [];
  for (let batch = 0; batch <= batches; batch += 1) {
    const startedMs = performance.now();
    for (let index = 0; index < perBatch; index += 1) await run(index);
    took.push(((performance.now() - startedMs) * 1000) / perBatch);
  }
  return { step, micros: middle(took.slice(1)) };
}

/** As `timeOne` for a step that uses its call up: each is made ready outside the time, then `width` run side by side. */
async function timePrepared<Call>(
  step: string,
  perBatch: number,
  width: number,
  prepare: () => Promise<Call>,
  run: (call: Call) => Promise<unknown>,
): Promise<Timed> {
  const took: number[] = [];
  for (let index = 0; index < perBatch; index += 1) {
    const calls: Call[] = [];
    for (let made = 0; made < width; made += 1) calls.push(await prepare());
    const startedMs = performance.now();
    await Promise.all(calls.map(run));
    took.push(((performance.now() - startedMs) * 1000) / width);
  }
  return { step, micros: middle(took) };
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
