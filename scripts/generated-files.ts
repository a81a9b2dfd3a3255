import { readFileSync } from "node:fs";
import { renderConfigurationDocs } from "../src/config/docs.ts";
import { jsonSchemas } from "../src/config/json-schemas.ts";
import { type GroupedCode, renderErrorDocs } from "./render-error-docs.ts";
import { root } from "./run-program.ts";

export interface GeneratedFile {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly text: string;
}

/** Every file that is made from the source, with the text that it must have. */
export function generatedFiles(): readonly GeneratedFile[] {
  const schemas = Object.entries(jsonSchemas()).map(([name, schema]) => ({
    path: `config/schema/${name}.json`,
    text: `${JSON.stringify(schema, null, 2)}\n`,
  }));
  return [
    { path: "docs/errors.md", text: renderErrorDocs(groupCodes(readFileSync(`${root}src/rules/codes.ts`, "utf8"))) },
    { path: "docs/configuration.md", text: renderConfigurationDocs() },
    ...schemas,
  ];
}

/** The codes with the group that a comment above them names in the table's source. */
export function groupCodes(source: string): readonly GroupedCode[] {
  let group = "";
  return source.split("\n").flatMap((line) => {
    group = /^ {2}\/\/ (.+)$/.exec(line)?.[1] ?? group;
    const code = /^ {2}(ERR_[A-Z_]+):/.exec(line)?.[1];
    return code === undefined ? [] : [{ group, code }];
  });
}
