import { type Denial, deny, isDenial } from "./denial.ts";
import { type FormPair, type FormWire, listIndex, readPairs } from "./form-pairs.ts";
import type { FormObject, FormScalar, FormShape } from "./form-shape.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { foldKey } from "./keys.ts";
import { pointerTo } from "./pointers.ts";
import { readScalar } from "./query.ts";

interface Leaf {
  readonly kind: "leaf";
  readonly value: JsonValue;
}

interface Table {
  readonly kind: "object";
  readonly shape: FormObject;
  readonly members: Map<string, Node>;
  readonly folds: Set<string>;
}

interface List {
  readonly kind: "array";
  readonly items: FormShape;
  readonly style: "appended" | "numbered";
  readonly members: Node[];
}

type Branch = Table | List;
type Node = Leaf | Branch;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads a form body's bytes; see `readForm`. ERR_FORM_MALFORMED also for bytes that are not ASCII, a byte order mark among them. */
export function readFormBody(bytes: Uint8Array, shape: FormObject): JsonObject | Denial {
  try {
    return readForm(utf8.decode(bytes), shape, "body");
  } catch {
    return deny("ERR_FORM_MALFORMED", "the body is not valid UTF-8");
  }
}

/**
 * Reads a form in bracket style (`items[0][price]=x`, `metadata[key]=v`, `expand[]=a`) into one object; the shape says what each text is.
 *
 * Besides the denials of `readPairs`: ERR_FORM_DUPLICATE_KEY for a name that stands twice, as text and with brackets, or twice but for case or Unicode
 * form; ERR_FORM_ARRAY for indexes that do not run 0, 1, 2 ... as written, are 1000 or more or not canonical, for `[]` and `[0]` in one list, and for a
 * key of a map that is an index; ERR_FORM_VALUE for a text that is not the one spelling of its type; ERR_ARGUMENTS_INVALID for what the schema does not
 * declare. Never repeats the caller's text.
 */
export function readForm(text: string, shape: FormObject, wire: FormWire): JsonObject | Denial {
  const root: Table = { kind: "object", shape, members: new Map(), folds: new Set() };
  const pairs = text === "" ? [] : readPairs(text, wire);
  if (isDenial(pairs)) return pairs;
  for (const [index, pair] of pairs.entries()) {
    const denial = place(root, pair);
    if (denial !== null) return denial.detail === undefined ? denial : { ...denial, detail: `pair ${index + 1}: ${denial.detail}` };
  }
  return valueOf(root) as JsonObject;
}

/** Puts one pair into the tree, or says why it has no place there. */
function place(root: Table, { steps, text }: FormPair): Denial | null {
  let here: Branch = root;
  for (const [index, step] of steps.entries()) {
    const known: Found | Denial = here.kind === "object" ? findMember(here, step, index) : findItem(here, step);
    if (isDenial(known)) return explain(root, steps, known);
    const last = index === steps.length - 1;
    if (known.node !== null && (last || known.node.kind === "leaf"))
      return deny("ERR_FORM_DUPLICATE_KEY", "a name that stands twice, or both as text and with brackets");
    const node: Node | Denial = known.node ?? (last ? readLeaf(known.shape, text) : open(known.shape, steps[index + 1] as string));
    if (isDenial(node)) return explain(root, steps, node);
    if (known.node === null) attach(here, step, node);
    if (node.kind === "leaf") return null;
    here = node;
  }
  return null;
}

interface Found {
  readonly node: Node | null;
  readonly shape: FormShape;
}

function findMember({ shape, members, folds }: Table, step: string, depth: number): Found | Denial {
  const declared = shape.properties.get(step) ?? shape.others;
  // An empty step asks for a list and an index may be one's, so neither can be a key.
  if (depth > 0 && (step === "" || listIndex(step) !== null))
    return deny("ERR_FORM_ARRAY", "a key of a map that is the index of a list, or none");
  if (declared === null) return deny("ERR_ARGUMENTS_INVALID", "holds a name that is not declared");
  const node = members.get(step) ?? null;
  if (node === null && folds.has(foldKey(step))) return deny("ERR_FORM_DUPLICATE_KEY", "a name that stands twice but for case");
  return { node, shape: declared };
}

function findItem({ items, style, members }: List, step: string): Found | Denial {
  if (style === "appended") return step === "" ? { node: null, shape: items } : deny("ERR_FORM_ARRAY", "one list in two styles");
  const index = listIndex(step);
  if (index === null) return deny("ERR_FORM_ARRAY", "a list with something else than the indexes 0 to 999");
  if (index === members.length) return { node: null, shape: items };
  const node = index === members.length - 1 ? members[index] : undefined;
  return node === undefined ? deny("ERR_FORM_ARRAY", "an index that does not follow the one before") : { node, shape: items };
}

function attach(here: Branch, step: string, node: Node): void {
  if (here.kind === "array") return void here.members.push(node);
  here.members.set(step, node);
  here.folds.add(foldKey(step));
}

function open({ object, array }: FormShape, next: string): Branch | Denial {
  if (object !== null) return { kind: "object", shape: object, members: new Map(), folds: new Set() };
  if (array !== null) return { kind: "array", items: array, style: next === "" ? "appended" : "numbered", members: [] };
  return deny("ERR_ARGUMENTS_INVALID", "takes no brackets");
}

function readLeaf({ scalar, object }: FormShape, text: string): Leaf | Denial {
  if (scalar === null) return deny("ERR_ARGUMENTS_INVALID", object === null ? "must be a list" : "must be a map");
  const value = readText(scalar, text);
  return value === null ? deny("ERR_FORM_VALUE", `not a canonical ${scalar.types.join(" or ")}`) : { kind: "leaf", value };
}

/** The one reading of a text. Other texts than the listed ones are left to the schema, whose message names what may stand here. */
function readText({ types, texts }: FormScalar, text: string): JsonValue {
  if (types.length === 0 || texts.has(text)) return text;
  for (const type of types) {
    const value = readScalar(text, type);
    if (value !== null) return value;
  }
  return null;
}

/** What the schema does not declare has a reason, which names the declared argument only: what stands behind it is the caller's own text. */
function explain({ shape }: Table, steps: readonly string[], denial: Denial): Denial {
  if (denial.denied !== "ERR_ARGUMENTS_INVALID") return denial;
  const name = steps[0] as string;
  const pointer = shape.properties.has(name) ? pointerTo([name]) : "";
  return deny(denial.denied, undefined, { reasons: [{ rule: "form", message: denial.detail ?? "is misplaced", pointer }] });
}

function valueOf(node: Node): JsonValue {
  if (node.kind === "leaf") return node.value;
  if (node.kind === "array") return node.members.map(valueOf);
  return Object.fromEntries([...node.members].map(([key, member]) => [key, valueOf(member)]));
}
