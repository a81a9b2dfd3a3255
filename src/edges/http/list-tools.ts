import type { Catalogue, Tool } from "../../rules/catalogue.ts";
import { contractOf } from "../../rules/contract.ts";
import type { Principal } from "../../rules/principal.ts";
import { modelName } from "../../rules/routing.ts";

export const toolFormats = ["jsonschema", "openai", "anthropic", "mcp"] as const;
export type ToolFormat = (typeof toolFormats)[number];

/** How each vendor wants a tool described. Adding a format is one row. */
const forms: Readonly<Record<ToolFormat, (tool: Tool) => object>> = {
  jsonschema: (tool) => ({
    name: tool.name,
    description: tool.describe,
    input_schema: tool.input,
    output_schema: tool.output,
    effect: tool.traits.effect,
  }),
  openai: (tool) => ({ type: "function", function: { name: modelName(tool.name), description: tool.describe, parameters: tool.input } }),
  anthropic: (tool) => ({ name: modelName(tool.name), description: tool.describe, input_schema: tool.input }),
  mcp: (tool) => ({
    name: tool.name,
    description: tool.describe,
    inputSchema: tool.input,
    annotations: {
      readOnlyHint: tool.traits.effect === "read",
      destructiveHint: tool.traits.effect === "write" && !tool.traits.reversible,
    },
  }),
};

/** The tools that this agent's contract names and that can be called by name, in the asked form: what is passed through has no arguments to describe. */
export function listTools(catalogue: Catalogue, principal: Principal, format: ToolFormat): readonly object[] {
  const contract = contractOf(catalogue, principal);
  const names = [...(contract?.gates.keys() ?? [])].sort();
  return names
    .flatMap((name) => catalogue.tools.get(name) ?? [])
    .filter(({ pass }) => pass === undefined)
    .map(forms[format]);
}
