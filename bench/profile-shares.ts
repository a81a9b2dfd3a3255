import { join } from "node:path";

/** What `node --cpu-prof` writes, as far as it is read here. */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  /** Monotonic clock, µs. */
  readonly startTime: number;
  readonly samples: readonly number[];
  /** µs before each sample. */
  readonly timeDeltas: readonly number[];
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** Self time of something, as a share of the time in which the thread was not idle. */
export interface Share {
  readonly name: string;
  readonly share: number;
}

const root = `file://${join(import.meta.dirname, "..")}/`;

/** Keeps the samples between two times, in µs of the monotonic clock. */
export function cutProfile(profile: CpuProfile, from: number, to: number): CpuProfile {
  let at = profile.startTime;
  const kept = profile.timeDeltas.map((delta) => {
    at += delta;
    return from <= at && at <= to;
  });
  const inside = (_: number, index: number): boolean => kept[index] === true;
  return { ...profile, samples: profile.samples.filter(inside), timeDeltas: profile.timeDeltas.filter(inside) };
}

/** Self time by source file, or by package for what is not ours; the largest first. `idle` is a share of the whole time. */
export function sharesByPart(profile: CpuProfile): { readonly shares: readonly Share[]; readonly idle: number } {
  const { micros, idle } = selfMicros(profile, partOf);
  const busy = sum(micros);
  return { shares: inOrder(micros, busy), idle: idle / (busy + idle) };
}

/** Self time by function. */
export function sharesByFunction(profile: CpuProfile): readonly Share[] {
  const { micros } = selfMicros(profile, (frame) => `${frame.functionName || "(anonymous)"} ${placeOf(frame)}`.trim());
  return inOrder(micros, sum(micros));
}

function selfMicros({ nodes, samples, timeDeltas }: CpuProfile, nameOf: (frame: CallFrame) => string) {
  const frames = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const micros = new Map<string, number>();
  let idle = 0;
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id);
    const delta = timeDeltas[index + 1] ?? 0;
    if (frame === undefined || frame.functionName === "(root)") continue;
    if (frame.functionName === "(idle)") idle += delta;
    else micros.set(nameOf(frame), (micros.get(nameOf(frame)) ?? 0) + delta);
  }
  return { micros, idle };
}

function partOf({ functionName, url }: CallFrame): string {
  if (url === "") return functionName.startsWith("(") ? functionName : `native: ${functionName}`;
  if (url.startsWith("wasm:")) return "policy (WebAssembly)";
  const path = url.replace(root, "");
  const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
  return name ?? (path.startsWith("node:") ? path.split("/").slice(0, 2).join("/") : path);
}

function placeOf({ url, lineNumber }: CallFrame): string {
  return url === "" ? "" : `${url.replace(root, "").replace(/.*node_modules\//, "")}:${lineNumber + 1}`;
}

function inOrder(micros: ReadonlyMap<string, number>, whole: number): readonly Share[] {
  return [...micros].map(([name, value]) => ({ name, share: value / whole })).sort((a, b) => b.share - a.share);
}

function sum(micros: ReadonlyMap<string, number>): number {
  return [...micros.values()].reduce((total, value) => total + value, 0);
}
