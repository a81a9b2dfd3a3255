import { readFileSync } from "node:fs";
import { renderConfigurationDocs } from "../src/config/docs.ts";
import { jsonSchemas } from "../src/config/json-schemas.ts";
import { breaks } from "./breaks.ts";
import { renderApiDocs } from "./render-api-docs.ts";
import { type GroupedCode, renderErrorDocs } from "./render-error-docs.ts";
import { root } from "./run-program.ts";

export interface GeneratedFile {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly text: string;
}

/** Where the codes stand, in the order of the page. */
const codeFiles = ["codes-of-requests.ts", "codes-of-calls.ts"] as const;

/** Every file that is made from the source, with the text that it must have. */
export function generatedFiles(): readonly GeneratedFile[] {
  const schemas = Object.entries(jsonSchemas()).map(([name, schema]) => ({
    path: `config/schema/${name}.json`,
    text: `${JSON.stringify(schema, null, 2)}\n`,
  }));
  return [
    {
      path: "docs/errors.md",
      text: renderErrorDocs(codeFiles.flatMap((file) => groupCodes(readFileSync(`${root}src/rules/${file}`, "utf8")))),
    },
    { path: "docs/api.md", text: renderApiDocs() },
    { path: "docs/configuration.md", text: renderConfigurationDocs() },
    { path: "docs/testing.md", text: withBreaks(readFileSync(`${root}docs/testing.md`, "utf8")) },
    ...schemas,
  ];
}

/** The page with the table of breaks in its place. */
function withBreaks(page: string): string {
  const [begin, end] = ["<!-- breaks: made from scripts/breaks.ts -->", "<!-- end of breaks -->"];
  const rows = breaks.map(
    ({ promise, file, find, replace, test }) => `| ${promise} | [${test}](../${test}) | ${cell(file, find, replace)} |`,
  );
  const table = ["| promise | test | break |", "| --- | --- | --- |", ...rows].join("\n");
  return page.replace(new RegExp(`${begin}.*${end}`, "s"), () => `${begin}\n${table}\n${end}`);
}

function cell(file: string, find: string, replace: string): string {
  const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``;
  return `in [${file}](../${file}): ${code(find)} → ${replace === "" ? "nothing" : code(replace)}`;
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
