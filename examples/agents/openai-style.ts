// The OpenAI-style loop: tools from Sallyport, tool calls to Sallyport. Only `model` is scripted; put your client's chat.completions.create in its place.
const base = process.env.SALLYPORT_URL ?? "http://127.0.0.1:8080";
const headers = { authorization: `Bearer ${process.env.SALLYPORT_TOKEN}`, "content-type": "application/json" };

type Listing = { tools: { function: { name: string } }[] };
const { tools } = (await (await fetch(`${base}/sallyport/v1/tools?format=openai`, { headers })).json()) as Listing;
console.log("tools:", tools.map((tool) => tool.function.name).join(" "));

type ToolCall = { id: string; function: { name: string; arguments: string } };
type Message = { role: string; content: string | null; tool_calls?: ToolCall[]; tool_call_id?: string };

const script: [string, object][] = [
  ["payments_lookup_charge", { charge: "ch_1001" }],
  ["payments_refund", { charge: "ch_1001", amount: 900, reason: "damaged item" }],
  ["tickets_reply", { ticket: "tk_3001", text: "Your card 4242 4242 4242 4242 was refunded." }],
];
async function model(messages: Message[], _tools: object[]): Promise<Message> {
  const step = script[messages.filter((message) => message.role === "assistant").length];
  if (step === undefined) return { role: "assistant", content: "Done." };
  const id = `call_openai_${messages.length}`;
  return { role: "assistant", content: null, tool_calls: [{ id, function: { name: step[0], arguments: JSON.stringify(step[1]) } }] };
}

const messages: Message[] = [{ role: "user", content: "Refund 9 USD of ch_1001 and tell the customer." }];
for (let message = await model(messages, tools); ; message = await model(messages, tools)) {
  messages.push(message);
  if (message.tool_calls === undefined) break;
  for (const call of message.tool_calls) {
    // The model's own tool-call id is the idempotency key: a repeated turn cannot pay twice.
    const url = `${base}/sallyport/v1/tools/${call.function.name}`;
    const response = await fetch(url, {
      method: "POST",
      headers: { ...headers, "idempotency-key": call.id },
      body: call.function.arguments,
    });
    const content = await response.text();
    messages.push({ role: "tool", tool_call_id: call.id, content });
    console.log(call.function.name, response.status, content.trim().slice(0, 120));
  }
}
