import { fileKinds } from "./schema/files.ts";

/** The JSON Schemas (2020-12) of the files, for editors: file name without ending → schema. Written to `config/schema/<name>.json`. */
export function jsonSchemas(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(fileKinds).map(([kind, row]) => [
      kind,
      {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        title: row.place,
        description: row.about,
        // A round trip leaves only what JSON has: typebox keeps markers of its own beside the keywords.
        ...(JSON.parse(JSON.stringify(row.schema)) as object),
      },
    ]),
  );
}
