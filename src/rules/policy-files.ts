/** What a file of the policies folder is: Rego, a test, a fact, the list of built-ins, something made from them, or nothing we know. */
export type PolicyPlace = "rego" | "test" | "fact" | "capabilities" | "derived" | "stranger";

const derived: ReadonlySet<string> = new Set(["bundle.tar.gz", "input.schema.json", "README.md"]);
const fact = /^facts\/([a-z][a-z0-9_]{0,63})\.(?:json|yaml)$/;

/**
 * Tells what a path below the policies folder is. Data has one place, `facts/<name>.json` or `.yaml`: OPA would merge a data file from anywhere
 * else into `data`, also into `data.policies`, where it would speak like a rule.
 */
export function placeOf(path: string): PolicyPlace {
  if (path.endsWith("_test.rego")) return "test";
  if (path.endsWith(".rego")) return "rego";
  if (path === "capabilities.json") return "capabilities";
  if (derived.has(path)) return "derived";
  return factName(path) === null ? "stranger" : "fact";
}

/** The name under `data.facts` of a fact file, null when the path is none. */
export function factName(path: string): string | null {
  return fact.exec(path)?.[1] ?? null;
}

/** Whether a change of this file changes the bundle. */
export function isBuildInput(path: string): boolean {
  const place = placeOf(path);
  return place === "rego" || place === "fact" || place === "capabilities";
}
