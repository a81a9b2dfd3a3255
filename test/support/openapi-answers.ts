import assert from "node:assert/strict";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { describePeopleRoutes, openRoutes } from "../../src/edges/admin/openapi.ts";
import { peopleRoutes } from "../../src/edges/admin/people-routes.ts";
import { agentRoutes } from "../../src/edges/http/agent-routes.ts";
import { describeAgentRoutes } from "../../src/edges/http/openapi.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../src/rules/json.ts";

export type Listener = "agents" | "people";

/** An answer of one of our own resources, as it came. */
export interface DescribedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface Media {
  readonly schema?: JsonObject;
}
interface AnswerObject {
  readonly $ref?: string;
  readonly headers?: JsonObject;
  readonly content: Readonly<Record<string, Media>>;
}
interface OperationObject {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, AnswerObject>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonObject>>;
    readonly responses: Readonly<Record<string, AnswerObject>>;
  };
}

export const documents: Readonly<Record<Listener, JsonObject>> = {
  agents: describeAgentRoutes(agentRoutes, "http://127.0.0.1:8080"),
  people: describePeopleRoutes([...openRoutes, ...peopleRoutes]),
};

/** How often an answer was compared with its document, by operation and status. */
export const compared = new Map<string, number>();

/** Headers that are on every answer, or the framework's: no operation names them. */
const common = new Set(
  [
    "cache-control",
    "x-content-type-options",
    "content-security-policy",
    "content-type",
    "content-length",
    "date",
    "connection",
    "keep-alive",
  ].concat(["transfer-encoding", "access-control-allow-origin"]),
);

/** Fails unless an answer of this listener is one that its document has. What the document does not speak of, the tools' own paths, is not looked at. */
export function assertDescribed(listener: Listener, method: string, target: string, answer: DescribedAnswer): void {
  const { paths, components } = documents[listener] as unknown as Document;
  const path = target.split("?", 1)[0] ?? "";
  const operation = Object.entries(paths).find(([template]) => fits(template, path))?.[1][method.toLowerCase()];
  if (operation === undefined) return;
  const what = `${listener} ${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`;
  const found = operation.responses[String(answer.status)] ?? operation.responses["default"];
  assert.ok(found !== undefined, `${what}\nis no answer of ${operation.operationId}`);
  const described = found.$ref === undefined ? found : (components.responses[nameIn(found.$ref)] as AnswerObject);
  const type = (answer.headers.get("content-type") ?? "").split(";", 1)[0] ?? "";
  const media = described.content[type] ?? described.content["*/*"];
  assert.ok(media !== undefined, `${what}\nhas the content type ${type}`);
  if (!Object.hasOwn(described.content, "*/*")) assertHeaders(described, answer.headers, what);
  if (media.schema !== undefined) {
    const validate = validatorOf(listener, nameIn(String(media.schema["$ref"])));
    assert.ok(validate(JSON.parse(answer.text)), `${what}\n${JSON.stringify(validate.errors)}`);
  }
  const key = `${operation.operationId} ${answer.status}`;
  compared.set(key, (compared.get(key) ?? 0) + 1);
}

function assertHeaders({ headers = {} }: AnswerObject, sent: Headers, what: string): void {
  const named = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const strange = [...sent.keys()].filter((name) => !named.has(name) && !common.has(name));
  assert.deepEqual(strange, [], `${what}\nhas headers that the document does not name`);
}

function fits(template: string, path: string): boolean {
  const pattern = template
    .replaceAll(".", "\\.")
    .replace("{resource}", ".+")
    .replaceAll(/\{[a-z]+\}/g, "[^/]+");
  return new RegExp(`^${pattern}$`).test(path);
}

const nameIn = (ref: string): string => ref.slice(ref.lastIndexOf("/") + 1);

const validators = new Map<string, ValidateFunction>();

/** The validator of a schema, in which no object may have a member that the document does not name. */
function validatorOf(listener: Listener, name: string): ValidateFunction {
  const key = `${listener} ${name}`;
  const known = validators.get(key);
  if (known !== undefined) return known;
  const { schemas } = (documents[listener] as unknown as Document).components;
  const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { uri: isUrl, "date-time": isTime } });
  ajv.addSchema({ $id: "doc:all", components: { schemas: closed(schemas) as Record<string, unknown> } });
  const made = ajv.compile({ $ref: `doc:all#/components/schemas/${name}` });
  validators.set(key, made);
  return made;
}

const isUrl = (text: string): boolean => URL.canParse(text);
const isTime = (text: string): boolean => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text));

/** A document's own references begin at its root, which `addSchema` keeps. The documents' own document is not looked into. */
function closed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((one) => closed(one as JsonValue));
  if (!isJsonObject(value)) return value;
  const inner = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, closed(one)]));
  const isObject = isJsonObject(value["properties"]) && value["type"] === "object" && !Object.hasOwn(value["properties"], "openapi");
  return isObject ? { additionalProperties: false, ...inner } : inner;
}
