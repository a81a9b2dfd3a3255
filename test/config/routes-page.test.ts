import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { formatProblem } from "../../src/config/problems.ts";
import { readConfiguration } from "../../src/config/read.ts";
import { readMountArguments } from "../../src/rules/arguments.ts";
import { canonicalJson } from "../../src/rules/canonical.ts";
import type { Tool } from "../../src/rules/catalogue.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { encodeRequest } from "../../src/rules/encode-request.ts";
import { readForm } from "../../src/rules/form-reader.ts";
import { baseFiles, writeFiles } from "./base-config.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-routes-page-"));
after(() => rmSync(folder, { recursive: true }));

const page = readFileSync(new URL("../../docs/routes.md", import.meta.url), "utf8");
const yaml = /<!-- form tool -->\n```yaml\n(.*?)```/s.exec(page)?.[1] ?? "";

/** The cells of the table with this head. */
function rowsBelow(head: string): readonly (readonly string[])[] {
  const [, ...lines] = (page.split(`${head}\n`)[1] ?? "").split("\n");
  const end = lines.findIndex((line) => !line.startsWith("|"));
  return lines.slice(0, end).map((line) => line.slice(2, -2).split(" | "));
}

const unquoted = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]*)`/g)].map(([, text = ""]) => text);

function toolOfPage(): Tool {
  const result = readConfiguration(writeFiles(folder, { ...baseFiles, "routes/books.yaml": yaml }));
  assert.ok(result.ok, result.ok ? "" : result.problems.map(formatProblem).join("\n"));
  const tool = result.catalogue.tools.get("books.refund");
  assert.ok(tool !== undefined);
  return tool;
}

test("the route file of the page starts, and each form of its tables is what they say", (context) => {
  const tool = toolOfPage();
  const shape = tool.bodyForm;
  assert.ok(shape !== undefined);
  const taken = rowsBelow("| in the body | is |");
  for (const [form = "", value = ""] of taken) {
    const read = readForm(unquoted(form)[0] ?? "", shape, "body");
    assert.equal(isDenial(read) ? read.denied : canonicalJson(read), unquoted(value)[0], form);
  }
  const refused = rowsBelow("| form | code |").flatMap(([forms = "", code = ""]) =>
    unquoted(forms).map((form) => [form, unquoted(code)[0]] as const),
  );
  for (const [form, code] of refused) {
    const read = readForm(form, shape, "body");
    assert.equal(isDenial(read) ? read.denied : "read", code, form);
  }
  context.diagnostic(`${taken.length} forms read, ${refused.length} refused`);
  assert.equal(taken.length, 8);
  assert.equal(refused.length, 24);
});

test("the first row of the page goes upstream as it says", () => {
  const tool = toolOfPage();
  const parts = { pathParameters: {}, rawQuery: "notify=true", contentTypes: ["application/x-www-form-urlencoded"] };
  const args = readMountArguments(tool, { ...parts, body: Buffer.from("charge=ch_1&amount=500") });
  assert.ok(!isDenial(args));
  const sent = encodeRequest(tool, "https://api.example.com", args);
  assert.deepEqual(sent, { url: "https://api.example.com/v1/refunds?notify=true", body: "amount=500&charge=ch_1" });
  assert.match(page, /goes upstream as `amount=500&charge=ch_1`/);
});

test("every mount of the page starts", () => {
  const mounts = [...page.matchAll(/<!-- mount -->\n```yaml\n(.*?)```/gs)].map(([, text = ""]) => text);
  for (const [index, text] of mounts.entries()) {
    const desk = (baseFiles["routes/desk.yaml"] ?? "").replace("mount: { path: /desk }\n", text);
    const result = readConfiguration(writeFiles(join(folder, `mount-${index}`), { ...baseFiles, "routes/desk.yaml": desk }));
    assert.ok(result.ok && desk.includes(text), result.ok ? text : result.problems.map(formatProblem).join("\n"));
  }
  assert.equal(mounts.length, 3);
});
