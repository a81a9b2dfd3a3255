import type { ArgumentPlace, Tool } from "../rules/catalogue.ts";
import { type FormFault, shapeForm } from "../rules/form-schema.ts";
import { carriesBody, type Match } from "./places.ts";
import type { Report } from "./report.ts";
import type { ToolFile } from "./schema/routes.ts";

/** What a tool's body is, and how the forms of its body and query are read. */
export type Bodies = Pick<Tool, "body" | "bodyForm" | "queryForm">;

/** Reads `body` and `query` of a tool, reporting a body that nothing travels in, and every place whose type a form could not tell. */
export function readBodies(
  file: ToolFile,
  match: Match,
  places: ReadonlyMap<string, ArgumentPlace>,
  path: readonly string[],
  report: Report,
): Bodies {
  const inBody = namesIn(places, "body");
  const body = bodyOf(file, match, inBody.length > 0, path, report);
  const bodyForm = body === "form" ? shapeForm(file.input, inBody) : null;
  const queryForm = file.query === "brackets" ? shapeForm(file.input, namesIn(places, "query")) : null;
  reportFaults([...(bodyForm?.faults ?? []), ...(queryForm?.faults ?? [])], [...path, "input"], report);
  if (queryForm !== null && queryForm.shape.properties.size === 0)
    report([...path, "query"], "is brackets, and no argument travels in the query");
  return {
    body,
    ...(bodyForm === null ? {} : { bodyForm: bodyForm.shape }),
    ...(queryForm === null ? {} : { queryForm: queryForm.shape }),
  };
}

function namesIn(places: ReadonlyMap<string, ArgumentPlace>, wanted: ArgumentPlace): readonly string[] {
  return [...places].filter(([, place]) => place === wanted).map(([name]) => name);
}

function bodyOf(file: ToolFile, { method }: Match, hasBody: boolean, path: readonly string[], report: Report): Tool["body"] {
  if (file.body === "none" && hasBody) report([...path, "body"], `is none, and arguments of ${method} travel in the body`);
  if (file.body !== undefined && file.body !== "none" && !hasBody && !carriesBody(method))
    report([...path, "body"], `must be none: ${method} carries its arguments in the query`);
  return file.body ?? (hasBody ? "json" : "none");
}

/** A definition that body and query share is reported once. */
function reportFaults(faults: readonly FormFault[], input: readonly string[], report: Report): void {
  const told = new Set<string>();
  for (const { path, message } of faults) {
    const at = JSON.stringify(path);
    if (!told.has(at)) report([...input, ...path], message, null, "key");
    told.add(at);
  }
}
