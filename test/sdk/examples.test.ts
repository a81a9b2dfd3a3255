import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { pythonPackages } from "../../scripts/sdk-tools.ts";
import { sdks } from "./clients.ts";
import { pythonMissing } from "./python.ts";
import { pageFile } from "./table.ts";
import { agentOf, openWorld, type SdkWorld } from "./world.ts";

const page = readFileSync(pageFile, "utf8");
const run = promisify(execFile);

/** What is put behind each example: another request of the same client, and how often a token was asked for. */
const endings: Readonly<Record<string, string>> = {
  "stripe (Node)": 'await stripe.charges.retrieve("ch_1006");\nconsole.log(asked);',
  "@octokit/rest": 'await octokit.rest.issues.get({ owner: "acme", repo: "shop", issue_number: 1 });\nconsole.log(asked);',
  openai: 'await openai.models.retrieve("model-1");\nconsole.log(asked);',
  "@anthropic-ai/sdk": 'await anthropic.messages.batches.retrieve("batch_1");\nconsole.log(asked);',
  "stripe (Python)": 'client.v1.charges.retrieve("ch_1006", None, {"api_key": fresh_token()})\nprint(len(asked))',
};

let world: SdkWorld;
let folder: string;
before(async () => {
  world = await openWorld(Object.fromEntries(Object.entries(sdks).map(([name, { vendor }]) => [name, vendor])));
  // Below node_modules, so that the examples find the SDKs as they would in a project of their own.
  const cache = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, "sdk-examples-"));
});
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await world.close();
});

const withoutPython = pythonMissing();

for (const [name, sdk] of Object.entries(sdks)) {
  const isPython = name === "python";
  test(`the example for ${sdk.name} runs as it stands, and asks for a token before every request`, {
    skip: isPython ? (withoutPython ?? false) : false,
  }, async () => {
    const comment = `${isPython ? "#" : "//"} ${sdk.name}\n`;
    const block = [...page.matchAll(/```(?:js|python)\n(.*?)```/gs)].map(([, text = ""]) => text).find((text) => text.startsWith(comment));
    assert.ok(block !== undefined, `docs/agents.md has an example that begins with ${comment}`);
    const tokens = await Promise.all(
      ["a", "b", "c"].map((letter) => world.gateway.agentToken({ agent: agentOf(name, "usual"), run: `r_${name}_${letter}` })),
    );
    const { port } = world.wires[sdk.vendor];
    const placed = block.replace(/\b808[01]\b/, String(port));
    assert.notEqual(placed, block);
    const before = world.effects(sdk.vendor);
    const { stdout } = isPython ? await runPython(placed, tokens) : await runNode(name, placed, endings[sdk.name] ?? "", tokens);
    const [id, asked] = stdout.trim().split("\n");
    assert.match(id ?? "", /^(?:re|made)_[0-9]+$/, stdout);
    assert.equal(asked, "2", "a token for each of the two requests");
    assert.equal(world.effects(sdk.vendor) - before, 1);
  });
}

function runNode(name: string, block: string, ending: string, tokens: readonly string[]): Promise<{ stdout: string }> {
  const own = mkdtempSync(join(folder, `${name}-`));
  const giver = `const tokens = ${JSON.stringify(tokens)};\nexport let asked = 0;\nexport async function freshToken() {\n  return tokens[asked++];\n}\n`;
  writeFileSync(join(own, "fresh-token.mjs"), giver);
  writeFileSync(join(own, "example.mjs"), `import { asked } from "./fresh-token.mjs";\n${block}${ending}\n`);
  return run(process.execPath, [join(own, "example.mjs")], { timeout: 60_000 });
}

function runPython(block: string, tokens: readonly string[]): Promise<{ stdout: string }> {
  const own = mkdtempSync(join(folder, "python-"));
  const giver = `tokens = ${JSON.stringify(tokens)}\nasked = []\n\ndef fresh_token():\n    asked.append(1)\n    return tokens[len(asked) - 1]\n`;
  writeFileSync(join(own, "fresh_token.py"), giver);
  writeFileSync(join(own, "example.py"), `from fresh_token import asked\n${block}${endings["stripe (Python)"]}\n`);
  const env = { ...process.env, PYTHONPATH: pythonPackages(process.env), PYTHONDONTWRITEBYTECODE: "1" };
  return run("python3", [join(own, "example.py")], { env, timeout: 60_000 });
}
