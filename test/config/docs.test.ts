import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { documentedFields, renderConfigurationDocs } from "../../src/config/docs.ts";
import { jsonSchemas } from "../../src/config/json-schemas.ts";
import type { JsonObject } from "../../src/rules/json.ts";

const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const schemas = jsonSchemas() as Record<string, JsonObject>;
const all = Object.entries(schemas).flatMap(([kind, schema]) => documentedFields(schema).map((field) => ({ kind, ...field })));

test("every field says what it is and shows an example", () => {
  assert.ok(all.length > 150, `${all.length} fields`);
  for (const { kind, path, schema } of all) {
    assert.equal(typeof schema["description"], "string", `${kind} ${path} has no description`);
    assert.ok(Array.isArray(schema["examples"]) && schema["examples"].length === 1, `${kind} ${path} has no example`);
  }
});

test("every key that a schema knows anywhere is in the reference page", () => {
  const docs = renderConfigurationDocs();
  for (const { path } of all) assert.ok(docs.includes(`| \`${path}\` |`), path);
  const keys = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inside] of Object.entries(value)) {
      if (key === "examples" || key === "default") continue;
      if (key === "properties") for (const name of Object.keys(inside as object)) keys.add(name);
      walk(inside);
    }
  };
  walk(schemas);
  assert.ok(keys.size > 80, `${keys.size} keys`);
  for (const key of keys) assert.match(docs, new RegExp(`[\`.>]${key}\``), key);
});

test("defaults and examples fit their own schema", () => {
  const ajv = new Ajv2020({ strict: false });
  let checked = 0;
  for (const { kind, path, schema } of all) {
    if (schema["x-not-yet"] === true) continue;
    const examples = schema["examples"] as readonly unknown[];
    for (const value of [...(Object.hasOwn(schema, "default") ? [schema["default"]] : []), ...examples]) {
      // Examples of whole objects show the interesting part only.
      if (typeof value === "object" && value !== null && !Array.isArray(value)) continue;
      if (Array.isArray(value) && value.some((item) => typeof item === "object")) continue;
      assert.ok(ajv.validate(schema, value), `${kind} ${path}: ${JSON.stringify(value)} ${ajv.errorsText()}`);
      checked++;
    }
  }
  assert.ok(checked > 150, `${checked} values`);
});

test("the checked-in reference page and schemas are what the sources generate", () => {
  assert.equal(readFileSync(fromRoot("docs/configuration.md"), "utf8"), renderConfigurationDocs());
  assert.deepEqual(
    readdirSync(fromRoot("config/schema")).sort(),
    Object.keys(schemas)
      .map((name) => `${name}.json`)
      .sort(),
  );
  for (const [name, schema] of Object.entries(schemas))
    assert.deepEqual(JSON.parse(readFileSync(fromRoot(`config/schema/${name}.json`), "utf8")), schema);
});

test("every demo file names the schema it fits, for editors", () => {
  const files = [
    "config/gateway.yaml",
    "config/tenants.yaml",
    "config/tiers.yaml",
    ...["config/contracts", "routes"].flatMap((folder) =>
      readdirSync(fromRoot(folder)).flatMap((name) => (name.endsWith(".yaml") ? [`${folder}/${name}`] : [])),
    ),
  ];
  assert.ok(files.length >= 9, `${files.length} files`);
  for (const file of files) {
    const text = readFileSync(fromRoot(file), "utf8");
    const named = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? "";
    const schema = JSON.parse(readFileSync(new URL(named, new URL(`../../${file}`, import.meta.url)), "utf8")) as object;
    const ajv = new Ajv2020({ strict: false });
    assert.ok(ajv.validate(schema, parse(text)), `${file}: ${ajv.errorsText()}`);
  }
});
