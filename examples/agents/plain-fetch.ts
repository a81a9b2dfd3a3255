// An agent without any SDK: call a tool by name, and know from the answer what to tell the model. No dependency, 30 lines.
const base = process.env.SALLYPORT_URL ?? "http://127.0.0.1:8080";
const token = process.env.SALLYPORT_TOKEN; // bin/sallyport token --agent billing-dispute-v3 --tenant acme_co --run my-run

async function callTool(name: string, args: object, key: string) {
  const response = await fetch(`${base}/sallyport/v1/tools/${name}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(args),
  });
  return { status: response.status, location: response.headers.get("location"), body: (await response.json()) as Record<string, unknown> };
}

const charge = await callTool("payments.lookup_charge", { charge: "ch_1001" }, "fetch-1");
console.log("lookup:", charge.status, charge.body["amount"], charge.body["currency"]);

const foreign = await callTool("payments.refund", { charge: "ch_2001", amount: 500 }, "fetch-2");
console.log("refund of another tenant's charge:", foreign.status, foreign.body["code"], "-", foreign.body["message"]);

const held = await callTool("payments.refund", { charge: "ch_1002", amount: 45000 }, "fetch-3");
console.log("large refund:", held.status, held.body["status"], "-", held.body["message"]);

// Later, or from another process: ask the Location. `Prefer: wait` keeps the connection until somebody has decided, at most 20 s here.
if (held.location !== null && process.env.WAIT_SECONDS !== undefined) {
  const headers = { authorization: `Bearer ${token}`, prefer: `wait=${process.env.WAIT_SECONDS}` };
  const answer = await fetch(held.location, { headers });
  console.log("collected:", answer.status, JSON.stringify(await answer.json()));
}
