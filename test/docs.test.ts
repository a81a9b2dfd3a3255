import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { generatedFiles } from "../scripts/generated-files.ts";
import { listFiles } from "../scripts/list-files.ts";
import { refusals } from "../scripts/render-error-docs.ts";
import { root } from "../scripts/run-program.ts";
import { codes } from "../src/rules/codes.ts";
import { transitions } from "../src/rules/states.ts";

const read = (path: string): string => readFileSync(root + path, "utf8");
const pages = listFiles("", ".md").map((path) => ({ path, text: read(path) }));
const lifecycle = "docs/lifecycle.md";

test("what is generated is what the source gives", () => {
  const files = generatedFiles();
  assert.ok(files.length >= 3);
  for (const { path, text } of files)
    assert.equal(existsSync(root + path) && read(path) === text, true, `${path}: run \`npm run generate\``);
});

test("every error code is documented once", () => {
  const [agents = ""] = read("docs/errors.md").split("\n## The people's listener");
  const named = [...agents.matchAll(/^\| `(ERR_[A-Z_]+)`/gm)].map(([, code]) => code);
  assert.ok(named.length > 40);
  assert.deepEqual(named.toSorted(), Object.keys(codes).toSorted());
});

test("the people's listener answers each refusal with the documented status", () => {
  const server = read("src/edges/admin/server.ts");
  const told = Object.entries(refusals).map(([code, { status }]) => `${code}: ${status}`);
  assert.ok(told.length > 3);
  assert.deepEqual(
    told.filter((line) => !server.includes(line)),
    [],
  );
});

test("every error code is given by something in the source", () => {
  const sources = listFiles("src", ".ts")
    .filter((path) => !path.startsWith("src/rules/codes"))
    .map(read)
    .join("\n");
  const unused = Object.keys(codes).filter((code) => !sources.includes(`"${code}"`));
  assert.deepEqual(unused, []);
});

test("no page and no source names an error code that does not exist", () => {
  const known = new Set([...Object.keys(codes), ...Object.keys(refusals)]);
  const texts = [...pages, ...[...listFiles("src", ".ts"), ...listFiles("examples", ".ts")].map((path) => ({ path, text: read(path) }))];
  // Node has codes of its own with the same beginning.
  const strangers = texts.flatMap(({ path, text }) =>
    [...text.matchAll(/(?<!["'`.\w])["'`](ERR_[A-Z_]+)["'`]/g)].flatMap(([, code = ""]) =>
      known.has(code) || isNodes(code) ? [] : [`${path}: ${code}`],
    ),
  );
  assert.deepEqual(strangers, []);
});

test("the lifecycle page has the state machine of the source", () => {
  const rows = [...read(lifecycle).matchAll(/^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|$/gm)].map(
    ([, from = "", to = ""]) => [from, namesIn(to)] as const,
  );
  const final = namesIn(/^(.*) are final\./m.exec(read(lifecycle))?.[1] ?? "");
  const told = [...rows, ...final.map((state) => [state, []] as const)];
  const inCode = Object.entries(transitions).map(([from, to]) => [from, to] as const);
  assert.ok(rows.length > 4);
  assert.deepEqual(told.toSorted(byName), inCode.toSorted(byName));
});

test("the lifecycle page names every step in the order of the path", () => {
  const steps = stepsOf(read("src/path/index.ts"));
  assert.ok(steps.length >= 9, `only ${steps.length} steps were found`);
  const rows = [...read(lifecycle).matchAll(/^\| \w* ?\| `(\w+)` \| \[([\w-]+)\.ts\]/gm)].map(([, step, file]) => ({ step, file }));
  assert.deepEqual(rows, steps);
});

test("every relative link of every page leads to a file", (t) => {
  const links = pages.flatMap(({ path, text }) =>
    [...withoutCode(text).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, target = ""]) => ({ path, target })),
  );
  t.diagnostic(`${links.length} links in ${pages.length} pages`);
  assert.ok(pages.length > 2);
  assert.deepEqual(
    links.filter(({ path, target }) => !leadsSomewhere(path, target)),
    [],
  );
});

test("every npm command of every page exists", (t) => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const named = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)].map(([, script, short]) => ({ path, script: script ?? short ?? "" })),
  );
  t.diagnostic(`${named.length} commands`);
  assert.ok(named.length > 0);
  assert.deepEqual(
    named.filter(({ script }) => !Object.hasOwn(scripts, script)),
    [],
  );
});

/** The steps in the order in which `admit`, `execute` and `settle` call them. What only words an answer is no step. */
function stepsOf(source: string): readonly { readonly step: string; readonly file: string }[] {
  const aside = ["refuse", "propose", "answers"];
  const steps = [...source.matchAll(/^import \{ (\w+)(?: as (\w+))? \} from "\.\/([\w-]+)\.ts"/gm)].map(
    ([, step = "", called, file = ""]) => ({ step, called: called ?? step, file }),
  );
  const body = source.slice(source.indexOf("export async function admit("));
  return steps
    .filter(({ file }) => !aside.includes(file))
    .map(({ step, called, file }) => ({ step, file, at: body.indexOf(`${called}(`) }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ step, file }) => ({ step, file }));
}

function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}

function leadsSomewhere(page: string, target: string): boolean {
  const [file = "", anchor] = target.split("#", 2);
  const path = file === "" ? page : join(dirname(page), file);
  if (!existsSync(root + path)) return false;
  return anchor === undefined || !path.endsWith(".md") || headingsOf(read(path)).includes(anchor);
}

function headingsOf(text: string): readonly string[] {
  const headings = [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => title);
  return headings.map((title) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-"),
  );
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, "");
}

function isNodes(code: string): boolean {
  return /^ERR_(?:HTTP_|SQLITE_|ENCODING_|TLS_|CRYPTO_|INVALID_|OSSL_|SSL_|STREAM_|WORKER_)/.test(code);
}
