import { type RegoToken, readRegoTokens } from "./rego-tokens.ts";

/** The sets that a package under `policies` speaks by. */
export const policyKinds = ["allow", "hold", "deny", "require"] as const;

/** Where the combiner stands; no other file may be of its package. */
export const combinerPath = "sallyport/combiner.rego";

const nameForm = /^[a-z][a-z0-9_]{0,63}$/;
const keywords = new Set(["package", "import", "default", "else"]);

interface Statement {
  /** The rule's name. */
  readonly name: string;
  readonly line: number;
  readonly isDefault: boolean;
  readonly tokens: readonly RegoToken[];
}

interface Source {
  readonly path: string;
  /** Package path below `data`, such as `policies.contract`. */
  readonly spoken: string;
  readonly tokens: readonly RegoToken[];
  readonly statements: readonly Statement[];
}

/**
 * Finds the slips that the compiler lets pass and that would leave a rule silent: another package than `policies.<name>`, `policies.<name>_test`,
 * `lib.<name>` or `sallyport`; a set that nobody reads (`hodl`); a kind that is not a set; a message or name that is computed and so could be
 * undefined. Answers whole sentences that begin with the file, none when all is well. `sources` is path → text; works on formatted source
 * (statements begin in the first column), which is what a bundle holds.
 */
export function findSourceFaults(sources: ReadonlyMap<string, string>): readonly string[] {
  const faults: string[] = [];
  const read: Source[] = [];
  for (const [path, text] of sources) {
    const source = readSource(path, text);
    if (typeof source === "string") faults.push(source);
    else read.push(source);
  }
  if (!read.some((source) => source.path === combinerPath)) faults.push(`${combinerPath}: the combiner is missing`);
  for (const source of read) faults.push(...placeFaults(source), ...kindFaults(source), ...constantFaults(source));
  return [...faults, ...unusedFaults(read)];
}

function readSource(path: string, text: string): Source | string {
  const tokens = readRegoTokens(text);
  if (tokens === null) return `${path}: the file ends inside a string or bracket`;
  const spoken = packageName(tokens);
  return spoken === null
    ? `${path}: the file does not begin with a plain package line`
    : { path, spoken, tokens, statements: readStatements(tokens) };
}

function packageName(tokens: readonly RegoToken[]): string | null {
  if (tokens[0]?.text !== "package" || !tokens[0].opens) return null;
  let name = "";
  for (const token of tokens.slice(1)) {
    const fits = token.kind === "word" ? name === "" || name.endsWith(".") : token.text === "." && name !== "" && !name.endsWith(".");
    if (!fits || token.line !== tokens[0].line) return token.line === tokens[0].line || name === "" ? null : name;
    name += token.text;
  }
  return name === "" || name.endsWith(".") ? null : name;
}

function readStatements(tokens: readonly RegoToken[]): readonly Statement[] {
  const starts = [...tokens.keys()].filter(
    (index) => tokens[index]?.opens === true && tokens[index]?.kind === "word" && tokens[index]?.text !== "else",
  );
  return starts.flatMap((start, order) => {
    const all = tokens.slice(start, starts[order + 1]);
    const isDefault = all[0]?.text === "default";
    const own = isDefault ? all.slice(1) : all;
    const head = own[0];
    if (head === undefined || (!isDefault && keywords.has(head.text))) return [];
    return [{ name: head.text, line: head.line, isDefault, tokens: own }];
  });
}

function placeFaults({ path, spoken }: Source): readonly string[] {
  const [root, name, ...deeper] = spoken.split(".");
  const isTestFile = path.endsWith("_test.rego");
  if (root === "sallyport" && name === undefined) return path === combinerPath ? [] : [`${path}: package sallyport is the gateway's own`];
  if (path === combinerPath) return [`${path}: this file must be of package sallyport`];
  const fits =
    spoken === "sallyport_test" ||
    ((root === "policies" || root === "lib") && name !== undefined && nameForm.test(name) && deeper.length === 0);
  if (!fits) return [`${path}: package ${spoken} is none of policies.<name>, policies.<name>_test, lib.<name>, so nobody would hear it`];
  if (spoken.endsWith("_test") !== isTestFile)
    return [`${path}: a package whose name ends in _test lives in a file that ends in _test.rego, and no other does`];
  return [];
}

const isPolicy = (source: Source): boolean => source.spoken.startsWith("policies.");
const isTest = (source: Source): boolean => source.spoken.endsWith("_test");
const isKind = (name: string): boolean => (policyKinds as readonly string[]).includes(name);

/** A kind is written `deny contains {...}`: as a boolean, a function, an object or with a default it is not the set that the combiner reads. */
function kindFaults(source: Source): readonly string[] {
  if (!isPolicy(source)) return [];
  const kinds = source.statements.filter((statement) => isKind(statement.name));
  if (isTest(source)) return kinds.map(({ name, line }) => `${source.path}:${line}: a test package must not define ${name}`);
  return kinds
    .filter((statement) => statement.isDefault || statement.tokens[1]?.text !== "contains")
    .map(({ name, line }) => `${source.path}:${line}: ${name} must be a set of objects, written \`${name} contains {"rule": ...}\``);
}

/** `"message"` and `"rule"` stand for a plain string: a computed one that is undefined would silence its whole rule. */
function constantFaults(source: Source): readonly string[] {
  if (!isPolicy(source) || isTest(source)) return [];
  return source.tokens.flatMap((token, index) => {
    const isKey = token.kind === "string" && (token.text === "message" || token.text === "rule") && source.tokens[index + 1]?.text === ":";
    if (!isKey) return [];
    const ends = source.tokens[index + 3]?.text;
    const plain = source.tokens[index + 2]?.kind === "string" && (ends === "," || ends === "}");
    return plain
      ? []
      : [
          `${source.path}:${token.line}: "${token.text}" must be one plain string; the gateway fills {args.amount} and the like in a message`,
        ];
  });
}

/** Rules of a policy that none of the four sets leads to: a misspelt set, most of the time. */
function unusedFaults(sources: readonly Source[]): readonly string[] {
  const spoken = sources.filter((source) => !isTest(source) && source.spoken !== "sallyport");
  const reached = new Set<string>();
  const queue: { readonly source: Source; readonly name: string }[] = spoken.flatMap((source) =>
    isPolicy(source) ? policyKinds.map((name) => ({ source, name })) : [],
  );
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const key = `${next.source.spoken} ${next.name}`;
    if (reached.has(key)) continue;
    reached.add(key);
    queue.push(...mentions(next.source, next.name, spoken));
  }
  return spoken
    .filter(isPolicy)
    .flatMap((source) =>
      source.statements
        .filter((statement) => !reached.has(`${source.spoken} ${statement.name}`))
        .map(
          ({ name, line }) =>
            `${source.path}:${line}: nothing uses the rule ${name}, so it would be silent; a policy speaks by allow, hold, deny and require`,
        ),
    );
}

/** The rules that a package's rule of this name mentions: its own by bare name, those of other packages after a dot. */
function mentions(from: Source, name: string, sources: readonly Source[]): readonly { source: Source; name: string }[] {
  const found: { source: Source; name: string }[] = [];
  for (const home of sources.filter((source) => source.spoken === from.spoken)) {
    for (const statement of home.statements.filter((one) => one.name === name)) {
      for (const [index, token] of statement.tokens.entries()) {
        if (index === 0 || (token.kind !== "word" && token.kind !== "string")) continue;
        const dotted = statement.tokens[index - 1]?.text === ".";
        const targets = token.kind === "word" && !dotted ? [home] : sources;
        found.push(
          ...targets
            .filter((source) => source.statements.some((one) => one.name === token.text))
            .map((source) => ({ source, name: token.text })),
        );
      }
    }
  }
  return found;
}
