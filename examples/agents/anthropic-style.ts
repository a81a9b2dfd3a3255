// The Anthropic-style loop: tool_use blocks in, tool_result blocks out. Only `model` is scripted; put your client's messages.create in its place.
const base = process.env.SALLYPORT_URL ?? "http://127.0.0.1:8080";
const headers = { authorization: `Bearer ${process.env.SALLYPORT_TOKEN}`, "content-type": "application/json" };

type Listing = { tools: { name: string }[] };
const { tools } = (await (await fetch(`${base}/sallyport/v1/tools?format=anthropic`, { headers })).json()) as Listing;
console.log("tools:", tools.map((tool) => tool.name).join(" "));

type Block = { type: string; id?: string; name?: string; input?: object; text?: string };
type Message = { role: string; content: Block[] };

const script: [string, object][] = [
  ["tickets_lookup", { ticket: "tk_3001" }],
  ["payments_refund", { charge: "ch_2001", amount: 700 }],
  ["tickets_reply", { ticket: "tk_3001", text: "We are looking into your charge." }],
];
async function model(messages: Message[], _tools: object[]): Promise<Message> {
  const step = script[messages.filter((message) => message.role === "assistant").length];
  if (step === undefined) return { role: "assistant", content: [{ type: "text", text: "Done." }] };
  return { role: "assistant", content: [{ type: "tool_use", id: `toolu_${messages.length}`, name: step[0], input: step[1] }] };
}

const messages: Message[] = [{ role: "user", content: [{ type: "text", text: "Look after ticket tk_3001." }] }];
for (let message = await model(messages, tools); ; message = await model(messages, tools)) {
  messages.push(message);
  const uses = message.content.filter((block) => block.type === "tool_use");
  if (uses.length === 0) break;
  const results = [];
  for (const { id = "", name, input } of uses) {
    const request = { method: "POST", headers: { ...headers, "idempotency-key": id }, body: JSON.stringify(input) };
    const response = await fetch(`${base}/sallyport/v1/tools/${name}`, request);
    const content = await response.text();
    results.push({ type: "tool_result", tool_use_id: id, content, is_error: !response.ok });
    console.log(name, response.status, content.trim().slice(0, 120));
  }
  messages.push({ role: "user", content: results });
}
