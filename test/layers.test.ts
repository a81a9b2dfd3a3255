import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { listFiles } from "../scripts/list-files.ts";
import { root } from "../scripts/run-program.ts";

/** What one folder of `src` may import: other layers, packages, and Node's own modules. */
interface Layer {
  readonly layers: readonly string[];
  /** Names of packages and `node:` modules; "*" means any. */
  readonly packages: readonly string[];
}

const node = (...names: readonly string[]): readonly string[] => names.map((name) => `node:${name}`);
const edgeLayers: readonly string[] = ["path", "control", "rules", "ports", "config"];
const files = node("fs", "fs/promises", "path", "os");

/** Who may import whom. A layer may always import itself. A folder that is not here fails the test: say first what it may do. */
const layers: Readonly<Record<string, Layer>> = {
  rules: { layers: [], packages: ["canonicalize", "structured-headers", "ajv", "luxon", "node:crypto"] },
  ports: { layers: ["rules"], packages: [] },
  path: { layers: ["rules", "ports"], packages: [] },
  control: { layers: ["rules", "ports", "path"], packages: [] },
  config: { layers: ["rules"], packages: ["typebox", "yaml", "luxon", "ajv", ...files, ...node("net", "url", "crypto")] },
  "stores/sqlite": { layers: ["rules", "ports"], packages: [...files, ...node("sqlite", "worker_threads", "crypto")] },
  "adapters/checkpoints": { layers: ["rules", "ports", "adapters"], packages: [...files, ...node("crypto")] },
  "adapters/dev-issuer": {
    layers: ["rules", "ports", "adapters", "adapters/jose"],
    packages: ["jose", ...files, ...node("crypto", "net")],
  },
  "adapters/jose": { layers: ["rules", "ports"], packages: ["jose", "undici", ...files, ...node("crypto")] },
  "adapters/memory": { layers: ["rules", "ports"], packages: node("crypto", "perf_hooks") },
  "adapters/opa-binary": { layers: ["rules", "ports"], packages: ["yaml", ...files, ...node("child_process", "crypto", "zlib")] },
  "adapters/payload-cipher": { layers: ["rules", "ports", "adapters"], packages: [...files, ...node("crypto", "zlib", "util")] },
  "adapters/rates": { layers: ["rules", "ports"], packages: ["rate-limiter-flexible"] },
  "adapters/rego-wasm": { layers: ["rules", "ports"], packages: ["@open-policy-agent/opa-wasm", ...files, ...node("crypto", "zlib")] },
  "adapters/run-tokens": { layers: ["rules", "ports", "adapters", "adapters/jose"], packages: ["jose", ...files, ...node("crypto")] },
  "adapters/telemetry": {
    layers: ["rules", "ports"],
    packages: ["@opentelemetry/api", "@opentelemetry/exporter-prometheus", "@opentelemetry/sdk-metrics"],
  },
  "adapters/upstream": { layers: ["rules", "ports"], packages: ["undici", ...files, ...node("crypto", "zlib", "stream")] },
  adapters: { layers: ["rules", "ports"], packages: [...files, ...node("crypto")] },
  // What both listeners have in common; no edge of its own.
  "edges/listener": { layers: ["rules"], packages: ["fastify", ...node("http", "net")] },
  "edges/http": {
    layers: [...edgeLayers, "edges/listener"],
    packages: ["fastify", "@fastify/http-proxy", "structured-headers", ...node("crypto", "http", "stream")],
  },
  "edges/admin": { layers: [...edgeLayers, "edges/listener"], packages: ["fastify", ...node("crypto", "http")] },
  "edges/cli": {
    layers: edgeLayers,
    packages: ["commander", "undici", "yaml", ...files, ...node("crypto", "timers/promises", "readline", "url", "util", "http")],
  },
  wiring: { layers: ["*"], packages: ["*"] },
  main: { layers: ["wiring", "edges/cli"], packages: node("url", "util", "module") },
};

interface Import {
  readonly file: string;
  readonly from: string;
  /** The layer, or the package or `node:` module, that is imported. */
  readonly to: string;
  readonly isPackage: boolean;
}

const sources = listFiles("src", ".ts").map((file) => ({ file, text: readFileSync(root + file, "utf8") }));
const imports = sources.flatMap(({ file, text }) => readImports(file, text));

test("every file of src belongs to a layer of the table", () => {
  assert.ok(sources.length > 100, `only ${sources.length} files were found`);
  const strangers = sources.map(({ file }) => file).filter((file) => !Object.hasOwn(layers, layerOf(file)));
  assert.deepEqual(strangers, []);
});

test("every layer of the table has a file", () => {
  const present = new Set(sources.map(({ file }) => layerOf(file)));
  assert.deepEqual(
    Object.keys(layers).filter((layer) => !present.has(layer)),
    [],
  );
});

test("a layer imports only the layers that the table names", (t) => {
  const edges = imports.filter(({ isPackage }) => !isPackage);
  assert.ok(edges.length > sources.length, `only ${edges.length} imports were found in ${sources.length} files`);
  t.diagnostic(`${edges.length} imports between ${sources.length} files`);
  assert.deepEqual(edges.filter((edge) => !mayImportLayer(edge)).map(tell), []);
});

test("a layer imports only the packages that the table names", (t) => {
  const edges = imports.filter(({ isPackage }) => isPackage);
  assert.ok(edges.length > 50, `only ${edges.length} imports of packages were found`);
  t.diagnostic(`${edges.length} imports of packages`);
  assert.deepEqual(edges.filter((edge) => !mayImportPackage(edge)).map(tell), []);
});

test("rules take nothing from node:crypto but hashing", () => {
  const found = sources
    .filter(({ file }) => layerOf(file) === "rules")
    .flatMap(({ file, text }) => {
      const names = [...text.matchAll(/import \{([^}]*)\} from "node:crypto"/g)].flatMap(([, list = ""]) => list.split(","));
      return names.map((name) => ({ file, name: name.trim() }));
    });
  assert.ok(found.length > 0);
  assert.deepEqual(
    found.filter(({ name }) => name !== "createHash" && name !== "hash"),
    [],
  );
});

test("rules never await and know no clock, chance or environment", () => {
  const impure =
    /\b(?:await|async|Promise|setTimeout|setInterval|queueMicrotask|process|performance|globalThis)\b|\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\.now\(\)/;
  const pure = sources.filter(({ file }) => layerOf(file) === "rules");
  assert.ok(pure.length > 20);
  const found = pure.flatMap(({ file, text }) =>
    withoutTexts(withoutComments(text))
      .split("\n")
      .flatMap((line) => (impure.test(line) ? [`${file}: ${line.trim()}`] : [])),
  );
  assert.deepEqual(found, []);
});

test("the reader finds every form of import", () => {
  const text = [
    'import { a } from "../../rules/money.ts";',
    'import {\n  type B,\n  c,\n} from "node:fs";',
    'import type { D } from "../../ports/calls.ts";',
    'export { e } from "./beside.ts";',
    'import "fastify";',
    'const f = await import("@scope/name/deep.js");',
    'new Worker(new URL("../../stores/sqlite/worker.js", import.meta.url));',
    'new URL("../../../.cache", import.meta.url);',
    '// import { no } from "commander";',
  ].join("\n");
  const found = readImports("src/edges/http/made-up.ts", text).map(({ to }) => to);
  assert.deepEqual(found, ["rules", "node:fs", "ports", "edges/http", "fastify", "@scope/name", "stores/sqlite"]);
});

function readImports(file: string, text: string): readonly Import[] {
  const specifiers = withoutComments(text).matchAll(/(?:\bfrom\s|\bimport\s|\bimport\(|\bnew URL\()\s*"([^"]+)"/g);
  return [...specifiers].flatMap(([whole, specifier = ""]) => {
    const isPackage = !specifier.startsWith(".");
    // An absolute URL is an address and not an import.
    if (isPackage && whole.startsWith("new URL")) return [];
    // So is a file outside of src.
    if (!isPackage && !join(dirname(file), specifier).startsWith("src/")) return [];
    const to = isPackage ? packageOf(specifier) : layerOf(join(dirname(file), specifier));
    return [{ file, from: layerOf(file), to, isPackage }];
  });
}

function packageOf(specifier: string): string {
  if (specifier.startsWith("node:")) return specifier;
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

/** `src/adapters/jose/issuer.ts` → `adapters/jose`; a file right in `src/adapters` belongs to `adapters`; `src/main.ts` is `main`. */
function layerOf(file: string): string {
  const [, first = "", second = "", third] = file.split("/");
  if (second === "") return first.replace(/\.ts$/, "");
  const isNested = ["stores", "adapters", "edges"].includes(first);
  return isNested && third !== undefined ? `${first}/${second}` : first;
}

function mayImportLayer({ from, to }: Import): boolean {
  const allowed = layers[from]?.layers ?? [];
  return to === from || allowed.includes(to) || allowed.includes("*");
}

function mayImportPackage({ from, to }: Import): boolean {
  const allowed = layers[from]?.packages ?? [];
  return allowed.includes(to) || allowed.includes("*");
}

function tell({ file, to }: Import): string {
  return `${file} must not import ${to}`;
}

/** Empties every text that stands on one line. */
function withoutTexts(text: string): string {
  return text.replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');
}

/** Good enough for imports and identifiers: a `//` in a text takes the rest of its line with it. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|[^:])\/\/.*$/gm, "$1");
}
