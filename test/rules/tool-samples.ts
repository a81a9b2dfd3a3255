import type { ArgumentPlace, Tool } from "../../src/rules/catalogue.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { compileSchema } from "../../src/rules/schema.ts";

type Given = Partial<Pick<Tool, "method" | "body" | "bodyForm" | "queryForm" | "template" | "outbound">> & {
  readonly input: JsonObject;
  readonly places?: Record<string, ArgumentPlace>;
};

/** A tool with this input schema; all else is harmless. Properties travel in the body unless `places` says otherwise. */
export function sampleTool({ input, places = {}, ...given }: Given): Tool {
  const names = Object.keys((input["properties"] ?? {}) as JsonObject);
  return {
    name: "sample.tool",
    describe: "A sample.",
    digest: "0".repeat(64),
    upstream: "sample",
    method: "POST",
    template: ["v1", "things"],
    traits: { effect: "write", reversible: true, financial: "none", data: "internal", errorsDetectable: true, maturity: "stable" },
    body: "json",
    places: new Map(names.map((name) => [name, places[name] ?? "body"])),
    input,
    output: null,
    validateInput: compileSchema(input),
    validateOutput: null,
    headers: [],
    amount: null,
    priceMicros: 0,
    idempotency: null,
    key: "optional",
    preview: null,
    outbound: [],
    noEffect: [],
    timeoutMs: 1_000,
    responseBytesMax: 1_000,
    itemsMax: null,
    ...given,
  };
}
