import { existsSync, readdirSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { Catalogue } from "../rules/catalogue.ts";
import { isJsonObject } from "../rules/json.ts";
import { isZone } from "./addresses.ts";
import { buildCatalogue, type CatalogueFiles } from "./catalogue.ts";
import { buildGateway, type GatewayConfig } from "./gateway.ts";
import { fileProblem, type Problem } from "./problems.ts";
import type { Shaped } from "./routes.ts";
import type { ContractFile } from "./schema/contract.ts";
import type { FileKind } from "./schema/files.ts";
import type { GatewayFile } from "./schema/gateway.ts";
import type { RoutesFile } from "./schema/routes.ts";
import type { TenantsFile } from "./schema/tenants.ts";
import type { TiersFile } from "./schema/tiers.ts";
import { checkShape } from "./shape.ts";
import { readSource, type Source } from "./source.ts";

export type ConfigurationResult =
  | { readonly ok: true; readonly gateway: GatewayConfig; readonly catalogue: Catalogue }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export interface ReadOptions {
  /** The development issuer will be added: no other is needed, and listeners must be on loopback. Default false. */
  readonly dev?: boolean;
  /** Upstream name (a route file's name without its ending) → URL that takes the file's place. For tests. */
  readonly upstreams?: Readonly<Record<string, string>>;
}

interface FileShapes {
  readonly gateway: GatewayFile;
  readonly contract: ContractFile;
  readonly tenants: TenantsFile;
  readonly tiers: TiersFile;
  readonly routes: RoutesFile;
}

/** More files in one folder are refused: they would stall the start, and nobody wrote them by hand. */
const filesMax = 1000;

/**
 * Reads `gateway.yaml` and every file it names, and checks all of it. Answers every problem found, in the order of files and lines, or a
 * configuration without any. Never throws for what a file holds. Reads synchronously; secrets are read here too.
 */
export function readConfiguration(gatewayFile: string, options: ReadOptions = {}): ConfigurationResult {
  const problems: Problem[] = [];
  const source = readSource(gatewayFile, problems);
  if (source === null) return { ok: false, problems };
  const shaped = shapeOf("gateway", source, problems);
  const gateway = shaped === null ? null : buildGateway(source, shaped.file, { dev: options.dev ?? false }, problems);
  const files = readCatalogueFiles(source, shaped?.file ?? null, problems);
  const zone = gateway !== null && isZone(gateway.policyZone) ? gateway.policyZone : "UTC";
  // A broken gateway.yaml must not also accuse every tier of having nobody to sign.
  const peopleCanSign = options.dev === true || gateway === null || gateway.peopleIssuers.length > 0;
  const takenPorts = gateway === null ? [] : [gateway.listen.agents.port, gateway.listen.people.port];
  const catalogue = buildCatalogue(files, { zone, peopleCanSign, upstreams: options.upstreams ?? {}, takenPorts }, problems);
  if (problems.length > 0 || gateway === null) return { ok: false, problems: inOrder(problems) };
  return { ok: true, gateway, catalogue };
}

function readCatalogueFiles(gateway: Source, file: GatewayFile | null, problems: Problem[]): CatalogueFiles {
  const routes = readFolder("routes", placeOf(gateway, file?.routes_dir, "routes_dir", "../routes"), problems);
  const contracts = readFolder("contract", placeOf(gateway, file?.contracts_dir, "contracts_dir", "contracts"), problems);
  const tenants = readOptional("tenants", gateway, problems);
  const tiers = readOptional("tiers", gateway, problems);
  return {
    routes: routes.files,
    contracts: contracts.files,
    tenants: tenants.shaped,
    tiers: tiers.shaped,
    complete: { tools: routes.whole, tenants: tenants.whole, tiers: tiers.whole },
  };
}

// The place as the gateway's own file is named, so that messages show the paths people typed.
function placeOf(gateway: Source, checked: string | undefined, key: string, byDefault: string): string {
  const raw = isJsonObject(gateway.value) ? gateway.value[key] : undefined;
  const place = checked ?? (typeof raw === "string" ? raw : byDefault);
  return isAbsolute(place) ? place : join(dirname(gateway.file), place);
}

function readOptional<K extends "tenants" | "tiers">(
  kind: K,
  gateway: Source,
  problems: Problem[],
): { readonly shaped: Shaped<FileShapes[K]> | null; readonly whole: boolean } {
  const place = placeOf(gateway, undefined, kind, `${kind}.yaml`);
  if (!gateway.says([kind]) && !existsSync(place)) return { shaped: null, whole: true };
  const shaped = readShaped(kind, place, problems);
  return { shaped, whole: shaped !== null };
}

function readFolder<K extends "routes" | "contract">(
  kind: K,
  folder: string,
  problems: Problem[],
): { readonly files: readonly Shaped<FileShapes[K]>[]; readonly whole: boolean } {
  const names = listFolder(folder, problems);
  if (names === null) return { files: [], whole: false };
  if (names.length === 0)
    problems.push(fileProblem(folder, `this folder has no ${kind === "routes" ? "route" : "contract"} file (*.yaml)`));
  const read = names.map((name) => readShaped(kind, join(folder, name), problems));
  const files = read.filter((one) => one !== null);
  return { files, whole: files.length === read.length };
}

// Names that begin with a dot are skipped: Kubernetes mounts keep their versions in such folders.
function listFolder(folder: string, problems: Problem[]): readonly string[] | null {
  try {
    const names = readdirSync(folder).filter((name) => !name.startsWith("."));
    for (const name of names.filter((one) => one.endsWith(".yml")))
      problems.push(fileProblem(join(folder, name), "this file would not be read", "rename it to .yaml"));
    const yaml = names.filter((name) => name.endsWith(".yaml")).sort();
    if (yaml.length <= filesMax) return yaml;
    problems.push(fileProblem(folder, `this folder has more than ${filesMax} files`));
  } catch (error) {
    const code = String((error as { code?: unknown }).code ?? "unknown error");
    problems.push(fileProblem(folder, code === "ENOENT" ? "this folder does not exist" : `this folder cannot be read (${code})`));
  }
  return null;
}

function readShaped<K extends FileKind>(kind: K, file: string, problems: Problem[]): Shaped<FileShapes[K]> | null {
  const source = readSource(file, problems);
  return source === null ? null : shapeOf(kind, source, problems);
}

function shapeOf<K extends FileKind>(kind: K, source: Source, problems: Problem[]): Shaped<FileShapes[K]> | null {
  const value = checkShape(kind, source, problems);
  // The schema of each kind is the source of its type, so what passed it has it.
  return value === null ? null : { source, file: value as FileShapes[K] };
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(problems.map(({ file }) => file))];
  return problems.toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column);
}
