/** A row of a listener's table, as far as its address goes. */
interface Addressed {
  readonly method: string | readonly string[];
  readonly url: string;
}

/**
 * The methods that routes with this raw path have, sorted; empty when no route has it. It is for what no route took, to tell a wrong method (405) from a
 * wrong address (404). A `*` at the end of a route stands for one or more segments; a table's bare `*` is for others and never counts.
 */
export function allowedMethods(routes: readonly Addressed[], rawPath: string): readonly string[] {
  const segments = rawPath.split("/");
  const methods = templatesOf(routes).flatMap(({ method, template }) => (leadsTo(template, segments) ? method : []));
  return [...new Set(methods)].toSorted();
}

interface Template {
  readonly method: string | readonly string[];
  readonly template: readonly string[];
}

/** Every request that no route took asks, the tools' own among them, so that a table is taken apart once. */
const templates = new WeakMap<readonly Addressed[], readonly Template[]>();

function templatesOf(routes: readonly Addressed[]): readonly Template[] {
  const known = templates.get(routes);
  if (known !== undefined) return known;
  const made = routes.flatMap(({ method, url }) => (url === "*" ? [] : [{ method, template: url.split("/") }]));
  templates.set(routes, made);
  return made;
}

function leadsTo(template: readonly string[], segments: readonly string[]): boolean {
  const open = template.at(-1) === "*";
  if (open ? segments.length < template.length : segments.length !== template.length) return false;
  return template.every((part, at) => part === "*" || (part.startsWith(":") ? segments[at] !== "" : part === segments[at]));
}
