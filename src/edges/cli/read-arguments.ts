import { isJsonObject, type JsonObject, type JsonValue } from "../../rules/json.ts";
import { usage } from "./failure.ts";

/** The arguments of a call as typed: `key=value` words, or one JSON object. `schema` is the tool's input schema, null when the agent may not see the tool. */
export function readCallArguments(words: readonly string[], args: string | undefined, schema: JsonObject | null): JsonObject {
  if (args !== undefined && words.length > 0) throw usage("arguments are given as key=value or with --args, not both");
  if (args !== undefined) return readObject(args);
  const properties = schema !== null && isJsonObject(schema["properties"]) ? schema["properties"] : {};
  const read: Record<string, JsonValue> = {};
  for (const word of words) {
    const [key, text] = split(word);
    if (Object.hasOwn(read, key)) throw usage(`${key} is given twice`);
    read[key] = readValue(key, text, schemaOf(properties, key));
  }
  return read;
}

function schemaOf(properties: JsonObject, key: string): JsonObject {
  const schema = Object.hasOwn(properties, key) ? properties[key] : undefined;
  return schema !== undefined && isJsonObject(schema) ? schema : {};
}

function readObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // Told below.
  }
  throw usage("--args must be one JSON object", `such as --args '{"charge":"ch_1001"}'`);
}

function split(word: string): readonly [string, string] {
  const at = word.indexOf("=");
  if (at < 1) throw usage(`${JSON.stringify(word)} is not an argument`, "write arguments as key=value, such as charge=ch_1001");
  return [word.slice(0, at), word.slice(at + 1)];
}

/** What is not of its type goes as it was typed: the gateway's refusal is the better explanation. */
function readValue(key: string, text: string, schema: JsonObject): JsonValue {
  switch (schema["type"]) {
    case "integer":
    case "number":
      return readNumber(text);
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    case "array":
    case "object":
      return readNested(key, text);
    default:
      return text;
  }
}

function readNumber(text: string): number | string {
  if (/^-?(0|[1-9][0-9]*)\.[0-9]+$/.test(text)) return Number(text);
  // An integer that a double cannot hold must not silently become its neighbour.
  return /^(0|-?[1-9][0-9]*)$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}

function readNested(key: string, text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw usage(`${key} must be JSON`, `such as ${key}='[1,2]'`);
  }
}
