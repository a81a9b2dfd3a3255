import { isJsonObject, type JsonObject, type JsonValue } from "../../rules/json.ts";
import { list, type RegoModule, type RegoRule, refPath } from "./rego-ast.ts";

/**
 * In Rego a built-in that fails and a reference that finds nothing are "undefined", and undefined makes the expression around it silent. Whether
 * silence is safe depends on where it stands: an `allow` that is silent denies, a `deny` that is silent lets the call pass, and `not` turns the
 * one into the other. So every expression is visited with its side:
 * - `closed`: when it goes silent, the verdict can only become stricter;
 * - `open`: when it goes silent, the verdict can become laxer.
 * Rules start as closed (allow) or open (hold, deny, require), `not` flips, and what can go either way is visited as both.
 */
type Side = "closed" | "open";

/** Built-ins that can be undefined (or throw) although their arguments have the right types. */
const fallible: ReadonlySet<string> = new Set([
  ...["to_number", "format_int", "sprintf", "json.unmarshal", "yaml.unmarshal", "yaml.marshal", "base64.decode", "base64url.decode"],
  ...["regex.match", "regex.find_all_string_submatch_n", "glob.match", "net.cidr_contains", "net.cidr_intersects", "numbers.range"],
  ...["div", "rem", "max", "min", "substring", "json.filter", "json.remove", "graph.reachable", "bits.lsh", "bits.rsh"],
]);
/** Their first argument is a pattern: when it is constant, and so checked by every test, they cannot fail. */
const patterned: ReadonlySet<string> = new Set(["regex.match", "regex.find_all_string_submatch_n", "glob.match"]);

/** Parts of the input whose fields differ from tool to tool, so that no schema promises them. */
const openParts: ReadonlySet<string> = new Set(["args", "headers", "facts", "budgets", "asserted"]);

interface Sighting {
  readonly path: string;
  readonly line: number;
  readonly spoken: string;
  readonly reference: string;
}

interface Survey {
  readonly modules: readonly RegoModule[];
  readonly visited: Set<string>;
  readonly faults: Set<string>;
  /** Open references at an open side, and those at a closed side of a deny or hold, which catch their absence. */
  readonly unguarded: Sighting[];
  readonly guards: Set<string>;
}

interface Place {
  readonly module: RegoModule;
  /** The package whose rule the walk began at. */
  readonly spoken: string;
  readonly denies: boolean;
  readonly side: Side;
}

/** Names every place where a rule could go silent and let a call pass. `facts` is the whole of `data.facts` as it will be loaded. */
export function findSilentRules(modules: readonly RegoModule[], facts: JsonObject): readonly string[] {
  const own = modules.filter((module) => module.spoken !== "sallyport" && !module.spoken.endsWith("_test"));
  const survey: Survey = { modules: own, visited: new Set(), faults: new Set(), unguarded: [], guards: new Set() };
  for (const module of own.filter(({ spoken }) => spoken.startsWith("policies."))) {
    for (const kind of ["allow", "hold", "deny", "require"]) {
      const denies = kind === "deny" || kind === "hold";
      visitRules(survey, { module, spoken: module.spoken, denies, side: kind === "allow" ? "closed" : "open" }, module.spoken, kind);
    }
  }
  for (const sighting of survey.unguarded) {
    if (isGuarded(survey, sighting)) continue;
    survey.faults.add(
      `${sighting.path}:${sighting.line}: ${sighting.reference} may be absent, and then this rule is silent: deny when it is (\`not ${sighting.reference}\` in a deny of this package), or give a value by object.get`,
    );
  }
  for (const missing of missingFacts(own, facts)) survey.faults.add(missing);
  return [...survey.faults].toSorted();
}

function isGuarded(survey: Survey, { spoken, reference }: Sighting): boolean {
  return [...survey.guards].some((guard) => guard === `${spoken} ${reference}` || guard.startsWith(`${spoken} ${reference}.`));
}

function visitRules(survey: Survey, from: Place, spoken: string, name: string): void {
  const homes = survey.modules.filter((module) => module.spoken === spoken);
  const rules = homes.flatMap((module) => module.rules.filter((rule) => rule.name === name).map((rule) => ({ module, rule })));
  const eitherWay = rules.some(({ rule }) => rule.falls);
  for (const side of eitherWay ? (["closed", "open"] as const) : [from.side]) {
    const key = `${from.spoken} ${from.denies} ${side} ${spoken} ${name}`;
    if (survey.visited.has(key)) continue;
    survey.visited.add(key);
    for (const { module, rule } of rules) visitRule(survey, { ...from, module, side }, rule);
  }
}

function visitRule(survey: Survey, place: Place, rule: RegoRule): void {
  for (const body of rule.bodies) visitBody(survey, place, body);
  for (const value of rule.values) visitTerm(survey, place, value, lineOf(rule.head));
}

function visitBody(survey: Survey, place: Place, body: JsonValue): void {
  for (const expression of list(body).filter(isJsonObject)) {
    const side = expression["negated"] === true ? flip(place.side) : place.side;
    visitTerm(survey, { ...place, side }, expression["terms"], lineOf(expression));
    for (const change of list(expression["with"])) visitBothSides(survey, place, change, lineOf(expression));
  }
}

const flip = (side: Side): Side => (side === "open" ? "closed" : "open");

function visitBothSides(survey: Survey, place: Place, term: JsonValue | undefined, line: number): void {
  for (const side of ["closed", "open"] as const) visitTerm(survey, { ...place, side }, term, line);
}

/** `terms` of an expression is a call (an array that begins with its operator), a declaration, an `every`, or one term. */
function visitTerm(survey: Survey, place: Place, term: JsonValue | undefined, line: number): void {
  if (Array.isArray(term)) return visitCall(survey, place, term, line);
  if (!isJsonObject(term)) return;
  if (term["symbols"] !== undefined) return list(term["symbols"]).forEach((symbol) => visitTerm(survey, place, symbol, line));
  if (term["domain"] !== undefined) return visitEvery(survey, place, term, line);
  switch (term["type"]) {
    case "call":
      return visitCall(survey, place, list(term["value"]), line);
    case "ref":
      return visitReference(survey, place, term, line);
    case "var":
      return visitNamed(survey, place, [String(term["value"])], line);
    case "array":
    case "set":
      return list(term["value"]).forEach((item) => visitTerm(survey, place, item, line));
    case "object":
      return list(term["value"]).forEach((pair) => list(pair).forEach((item) => visitTerm(survey, place, item, line)));
    case "arraycomprehension":
    case "setcomprehension":
    case "objectcomprehension":
      return visitComprehension(survey, place, term["value"], line);
    default:
      return;
  }
}

/** How many items a comprehension has can be asked either way (`count(x) > 0`, `count(x) == 0`), so its inside counts as both sides. */
function visitComprehension(survey: Survey, place: Place, inside: JsonValue | undefined, line: number): void {
  if (!isJsonObject(inside)) return;
  for (const side of ["closed", "open"] as const) {
    visitBody(survey, { ...place, side }, inside["body"] ?? []);
    for (const part of ["term", "key", "value"]) visitTerm(survey, { ...place, side }, inside[part], line);
  }
}

function visitEvery(survey: Survey, place: Place, every: JsonObject, line: number): void {
  visitBothSides(survey, place, every["domain"], line);
  visitBody(survey, place, every["body"] ?? []);
}

function visitCall(survey: Survey, place: Place, call: readonly JsonValue[], line: number): void {
  const [operator, ...operands] = call;
  const path = isJsonObject(operator) ? refPath(operator["value"]) : [];
  const name = path.join(".");
  const first = operands[0];
  const isConstant = patterned.has(name) && isJsonObject(first) && first["type"] === "string";
  const isOwn = place.module.rules.some((rule) => rule.name === name);
  if (place.side === "open" && fallible.has(name) && !isConstant && !isOwn) {
    survey.faults.add(
      `${place.module.path}:${line}: ${name} may fail, and then this rule is silent and the call passes: check its argument by a rule that denies, or use it under an allow only`,
    );
  }
  visitNamed(survey, place, path, line);
  // A set that lost a part is smaller: membership follows its side, and counting or comparing it can be asked either way.
  const isMembership = name.startsWith("internal.member_");
  for (const operand of operands) {
    if (!isMembership && isPartialRule(survey, place, operand)) visitBothSides(survey, place, operand, line);
    else visitTerm(survey, place, operand, line);
  }
}

function isPartialRule(survey: Survey, place: Place, term: JsonValue): boolean {
  if (!isJsonObject(term) || (term["type"] !== "var" && term["type"] !== "ref")) return false;
  const path = term["type"] === "var" ? [String(term["value"])] : refPath(term["value"]);
  return targets(survey, place, path).some(({ spoken, name }) =>
    survey.modules.some((module) => module.spoken === spoken && module.rules.some((rule) => rule.name === name && rule.partial)),
  );
}

function visitReference(survey: Survey, place: Place, ref: JsonObject, line: number): void {
  visitNamed(survey, place, refPath(ref["value"]), line);
  for (const part of list(ref["value"]).slice(1)) visitTerm(survey, place, part, line);
}

function visitNamed(survey: Survey, place: Place, path: readonly string[], line: number): void {
  const full = resolve(place.module, path);
  if (full[0] === "input") return visitInput(survey, place, full, line);
  for (const { spoken, name } of targets(survey, place, path)) visitRules(survey, place, spoken, name);
}

function visitInput(survey: Survey, place: Place, path: readonly string[], line: number): void {
  const [, part = "", ...below] = path;
  const reference = path.join(".");
  if (part === "approval" && place.side === "closed") {
    survey.faults.add(
      `${place.module.path}:${line}: input.approval may only make a verdict stricter; whether votes suffice is the gateway's to decide`,
    );
  }
  if (!openParts.has(part) || below.length === 0) return;
  if (place.side === "open") survey.unguarded.push({ path: place.module.path, line, spoken: place.spoken, reference });
  else if (place.denies) survey.guards.add(`${place.spoken} ${reference}`);
}

/** A path with its import alias replaced. */
function resolve(module: RegoModule, path: readonly string[]): readonly string[] {
  const target = module.imports.get(path[0] ?? "");
  return target === undefined ? path : [...target.split("."), ...path.slice(1)];
}

/** The rules that a path can mean: one of the same package by bare name, or by the full path below `data`. */
function targets(survey: Survey, place: Place, path: readonly string[]): readonly { spoken: string; name: string }[] {
  const full = resolve(place.module, path);
  if (full[0] !== "data") return [{ spoken: place.module.spoken, name: full[0] ?? "" }];
  const [, root = "", name = "", rule = "*"] = full;
  return survey.modules
    .filter(({ spoken }) => spoken === `${root}.${name}` || (name === "*" && spoken.startsWith(`${root}.`)))
    .flatMap((module) =>
      module.rules.filter((one) => rule === "*" || one.name === rule).map((one) => ({ spoken: module.spoken, name: one.name })),
    );
}

/** Constant references below data.facts that the facts do not hold: a renamed file or key would silence the rules that read it. */
function missingFacts(modules: readonly RegoModule[], facts: JsonObject): readonly string[] {
  const faults: string[] = [];
  for (const module of modules) {
    for (const { path, line } of allReferences(module)) {
      const full = resolve(module, path);
      if (full[0] !== "data" || full[1] !== "facts") continue;
      const constant = full.slice(2, full.includes("*") ? full.indexOf("*") : undefined);
      if (!holds(facts, constant)) faults.push(`${module.path}:${line}: data.facts.${constant.join(".")} is not in the facts`);
    }
  }
  return faults;
}

function holds(facts: JsonObject, path: readonly string[]): boolean {
  let here: JsonValue | undefined = facts;
  for (const key of path) {
    if (!isJsonObject(here) || !Object.hasOwn(here, key)) return false;
    here = here[key];
  }
  return true;
}

function allReferences(module: RegoModule): readonly { readonly path: readonly string[]; readonly line: number }[] {
  const found: { path: readonly string[]; line: number }[] = [];
  const look = (value: JsonValue | undefined): void => {
    if (Array.isArray(value)) for (const item of value as readonly JsonValue[]) look(item);
    if (!isJsonObject(value)) return;
    if (value["type"] === "ref") found.push({ path: refPath(value["value"]), line: lineOf(value) });
    for (const item of Object.values(value)) look(item);
  };
  for (const rule of module.rules) for (const part of [...rule.bodies, ...rule.values]) look(part);
  return found;
}

function lineOf(node: JsonObject): number {
  const location = node["location"];
  return isJsonObject(location) && typeof location["row"] === "number" ? location["row"] : 0;
}
