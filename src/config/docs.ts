import { isJsonObject, type JsonObject, type JsonValue } from "../rules/json.ts";
import { jsonSchemas } from "./json-schemas.ts";
import { fileKinds } from "./schema/files.ts";

/** One field of the reference page. */
export interface DocumentedField {
  /** Such as `listen.agents.port`, `issuers[].issuer`, `<tool>.tier`. */
  readonly path: string;
  readonly required: boolean;
  readonly schema: JsonObject;
}

const intro = `# Configuration

Generated from \`src/config/schema\` by \`npm run generate\`; edit the descriptions there.

Sallyport reads one \`gateway.yaml\` and the files it names. Every mistake is told at once, as \`file:line:column path message\`, and nothing
starts until there is none. Unknown keys, keys that stand twice, anchors, aliases, merge keys and tags are refused: a file that grants power
must read the same to a person and to the machine.

| written | means |
| --- | --- |
| \`500ms\` \`10s\` \`5m\` \`24h\` \`30d\` | a duration |
| \`512B\` \`256KiB\` \`1MiB\` | a size |
| \`60/min\` | a rate; windows are \`s\`, \`min\`, \`h\`, \`day\` |
| \`0.40 USD\` | money: exact decimals, no more digits than the currency has (six for \`cost\`) |
| \`/amount\` | a JSON pointer (RFC 6901) |

The smallest set-up is a \`gateway.yaml\` with \`issuers\`, one route file and one contract.
`;

/** The reference page of every configuration file, in Markdown. Deterministic: the same schemas give the same bytes. */
export function renderConfigurationDocs(): string {
  const sections = Object.entries(jsonSchemas()).map(([kind, schema]) => {
    const row = fileKinds[kind as keyof typeof fileKinds];
    const lines = documentedFields(schema as JsonObject).map(renderField);
    return `\n## \`${row.place}\`\n\n${row.about}\n\n| field | default | what |\n| --- | --- | --- |\n${lines.join("")}`;
  });
  return intro + sections.join("");
}

/** Every field below a schema, depth first, in the order of the schema. Lists add `[]`, maps add `<what the key is>`. */
export function documentedFields(schema: JsonObject, at = ""): readonly DocumentedField[] {
  const fields: DocumentedField[] = [];
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  for (const [name, field] of entriesOf(schema["properties"])) {
    const path = at === "" ? name : `${at}.${name}`;
    fields.push({ path, required: required.includes(name), schema: field }, ...documentedFields(field, path));
  }
  const values = schema["additionalProperties"];
  if (isJsonObject(values)) {
    const key = `<${String(schema["x-key"])}>`;
    const path = at === "" ? key : `${at}.${key}`;
    fields.push({ path, required: false, schema: values }, ...documentedFields(values, path));
  }
  if (isJsonObject(schema["items"])) fields.push(...documentedFields(schema["items"], `${at}[]`));
  for (const form of Array.isArray(schema["anyOf"]) ? schema["anyOf"] : []) {
    // A list of what may also stand alone would say everything twice.
    if (isJsonObject(form) && form["type"] === "object") fields.push(...documentedFields(form, at));
  }
  return fields;
}

function entriesOf(properties: JsonValue | undefined): readonly (readonly [string, JsonObject])[] {
  return isJsonObject(properties)
    ? Object.entries(properties).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]))
    : [];
}

function renderField({ path, required, schema }: DocumentedField): string {
  const byDefault = Object.hasOwn(schema, "default") ? code(schema["default"]) : required ? "required" : "-";
  const examples = schema["examples"];
  const example = Array.isArray(examples) ? ` Example: ${code(examples[0])}.` : "";
  return `| \`${path}\` | ${byDefault} | ${cell(String(schema["description"]))}${boundsOf(schema)}${example} |\n`;
}

function boundsOf(schema: JsonObject): string {
  const quantity = schema["x-quantity"];
  const min = isJsonObject(quantity) ? quantity["min"] : schema["minimum"];
  const max = isJsonObject(quantity) ? quantity["max"] : schema["maximum"];
  const words: string[] = [];
  if (typeof schema["x-unit"] === "string") words.push(schema["x-unit"]);
  if (Array.isArray(schema["enum"])) words.push(`one of ${schema["enum"].map(code).join(", ")}`);
  if (min !== undefined && max !== undefined) words.push(`${String(min)} to ${String(max)}`);
  if (schema["maxItems"] !== undefined) words.push(`at most ${String(schema["maxItems"])} items`);
  return words.length === 0 ? "" : ` (${words.join("; ")})`;
}

function code(value: JsonValue | undefined): string {
  return `\`${cell(typeof value === "string" ? value : JSON.stringify(value))}\``;
}

// A bar would end the cell.
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
