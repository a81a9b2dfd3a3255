import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { devPeople, openDevIssuer } from "../adapters/dev-issuer/issuer.ts";
import type { BundleReport, Offline } from "../edges/cli/wirings.ts";
import { isDenial } from "../rules/denial.ts";
import { ledgerName, placesIn } from "./data-folder.ts";
import { programFolder } from "./program-folder.ts";

/** What the commands do without a running gateway. What is heavy is loaded by those that use it. */
export const offline: Offline = {
  devPeople,
  hasDevKeys: (dataDir) => existsSync(join(dataDir, "dev", "agents.pem")) && existsSync(join(dataDir, "dev", "people.pem")),
  mintAgentToken: async (dataDir, request) => openDevIssuer(dataDir).mintAgentToken(request),
  async mintPersonToken(dataDir, { person }, ttlMs) {
    const known = devPeople.find((one) => one.person === person);
    if (known === undefined) throw new Error(`the development issuer knows no ${person}`);
    return openDevIssuer(dataDir).mintPersonToken({ ...known, ttlMs });
  },
  checkBundle,
  makeKeys,
  async installOpa(say) {
    const { installOpa } = await import("../adapters/opa-binary/install-opa.ts");
    const installed = installOpa(process.env, say);
    return "missing" in installed ? installed.missing : null;
  },
  runPolicyTool,
  async prepareDemoData(dataDir, keep) {
    const { prepareDemoData } = await import("./demo.ts");
    return prepareDemoData(dataDir, keep);
  },
  async startSandbox(dataDir) {
    const { startSandbox } = await import("./demo.ts");
    return startSandbox(dataDir);
  },
};

async function makeKeys(dataDir: string): Promise<readonly string[]> {
  const { openCheckpoints } = await import("../adapters/checkpoints/index.ts");
  const { openPayloadCipher } = await import("../adapters/payload-cipher/index.ts");
  const { readOrMakeRunKey } = await import("../adapters/run-tokens/key-file.ts");
  const { checkpoints, checkpointKey, payloadKey, payloadKeys, runKey } = placesIn(dataDir);
  const word = (file: string): string => (existsSync(file) ? "was there" : "made");
  const told = [`${word(checkpointKey)}: ${checkpointKey}`, `${word(payloadKey)}: ${payloadKey}`, `${word(runKey)}: ${runKey}`];
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  await openCheckpoints({ dir: checkpoints, keyFile: checkpointKey, name: ledgerName, generateKey: true });
  openPayloadCipher({ keyFile: payloadKey, dir: payloadKeys, generate: true });
  readOrMakeRunKey(runKey);
  return told;
}

async function checkBundle(policiesDir: string, bundleFile: string): Promise<BundleReport> {
  const { loadPolicy } = await import("../adapters/rego-wasm/load-policy.ts");
  const { staleSources } = await import("../adapters/rego-wasm/policy-files.ts");
  const bundle = existsSync(bundleFile) ? readFileSync(bundleFile) : null;
  if (bundle === null) return { digest: null, faults: [`the policy bundle ${bundleFile} does not exist`], stale: [] };
  const loaded = loadPolicy(bundle, { onFault: () => undefined });
  // An image may hold the bundle alone; then there is nothing that it could differ from.
  const stale = existsSync(policiesDir) ? staleSources(policiesDir, bundle) : [];
  if (!isDenial(loaded)) return { digest: loaded.digest, faults: [], stale };
  const reasons = loaded.reasons?.map(({ message }) => message) ?? [];
  return { digest: null, faults: [`the policy bundle ${bundleFile} does not load`, ...reasons], stale };
}

async function runPolicyTool(verb: string, folder: string): Promise<number | string> {
  const script = join(programFolder(), "scripts", "policy.ts");
  if (!existsSync(script)) return `${script} is not there: policies are built in a checkout of the source`;
  const child = spawn(process.execPath, [script, verb, folder], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
