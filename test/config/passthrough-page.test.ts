import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { formatProblem } from "../../src/config/problems.ts";
import { readConfiguration } from "../../src/config/read.ts";
import { codes } from "../../src/rules/codes.ts";
import { baseFiles, writeFiles } from "./base-config.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-passthrough-page-"));
after(() => rmSync(folder, { recursive: true }));
const page = readFileSync(new URL("../../docs/passthrough.md", import.meta.url), "utf8");

test("the route file of the page starts, and its defaults and codes are the real ones", () => {
  const yaml = /<!-- passthrough route -->\n```yaml\n(.*?)```/s.exec(page)?.[1] ?? "";
  const secret = join(folder, "secret-acme_co");
  const files = {
    ...baseFiles,
    "routes/openai.yaml": yaml.replace("/run/secrets/openai/{tenant}", `${folder}/secret-{tenant}`),
    "../secret-acme_co": "sk",
  };
  const result = readConfiguration(writeFiles(join(folder, "config"), files));
  assert.ok(result.ok, result.ok ? "" : result.problems.map(formatProblem).join("\n"));
  assert.ok(secret.length > 0);
  const bare = result.catalogue.tools.get("openai.models");
  const download = result.catalogue.tools.get("openai.download");
  assert.deepEqual(
    [bare?.pass?.rest, download?.pass?.rest, bare?.pass?.idleMs, bare?.pass?.wholeMs, bare?.timeoutMs],
    [true, false, 60_000, 600_000, 10_000],
  );
  const named = [...new Set(page.match(/ERR_[A-Z_]+/g))];
  assert.ok(named.length >= 5);
  for (const code of named) assert.ok(Object.hasOwn(codes, code), code);
});
