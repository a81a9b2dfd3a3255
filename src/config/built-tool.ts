import { canonicalJson, sha256Hex } from "../rules/canonical.ts";
import type { Tool } from "../rules/catalogue.ts";
import type { JsonValue } from "../rules/json.ts";
import type { Match } from "./places.ts";
import type { ToolFile } from "./schema/routes.ts";

/** A tool with what only the configuration needs of it. */
export interface BuiltTool {
  readonly tool: Tool;
  readonly match: Match;
}

/** SHA-256 (hex) of a tool's canonical definition. */
export function digestOf(definition: Readonly<Record<string, JsonValue>>): string {
  return sha256Hex(canonicalJson({ v: "sallyport-tool-1", ...definition }));
}

/** A tool's risk as the rules take it. */
export function traitsOf({ traits }: ToolFile): Tool["traits"] {
  const { errors_detectable: errorsDetectable, ...rest } = traits;
  return { ...rest, errorsDetectable };
}
