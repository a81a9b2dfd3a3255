import * as sdkModule from "@open-policy-agent/opa-wasm";
import type { JsonObject } from "../../rules/json.ts";
import { entrypoint } from "../../rules/policy-bundle.ts";

/** Why an evaluation gave nothing: text for the log, never for the caller. */
export interface EngineFault {
  readonly fault: string;
}

export interface Engine {
  /** The raw result set, or the fault. Never throws. The input must have passed the schema: the engine takes what it is given. */
  run(input: JsonObject): { readonly result: unknown } | EngineFault;
}

export interface EngineLimits {
  /** Most Wasm pages of 64 KiB that an instance may have; beyond it the evaluation faults. */
  readonly memoryPagesMax: number;
}

/** What the SDK made of a module; its fields beside `setData` are those its own evaluation works with. */
interface Instance {
  readonly wasmInstance: { readonly exports: Readonly<Record<string, unknown>> };
  readonly mem: WebAssembly.Memory;
  readonly minorVersion: number;
  readonly dataAddr: number;
  readonly dataHeapPtr: number;
  readonly entrypoints: Readonly<Record<string, number>>;
  setData(documents: JsonObject): void;
}

/** The package's types name its functions as its own exports; at run time they stand on the default export. */
const sdk = (
  sdkModule as unknown as { readonly default: { loadPolicySync(wasm: WebAssembly.Module, memory: WebAssembly.MemoryDescriptor): Instance } }
).default;

const pageBytes = 65_536;
const pagesInitial = 16;
/** An instance that has grown over this is not kept for the next call: its memory never shrinks (4 MiB). */
const pagesKept = 64;

/**
 * Built-ins that the SDK implements in JavaScript and that we let a bundle use. `regex.split` is not among them: it runs JavaScript's RegExp,
 * where 28 characters took 2.6 s. What is not here and not native is refused when the bundle is loaded, not when a call first needs it.
 */
const hostBuiltins: ReadonlySet<string> = new Set(["json.is_valid", "sprintf", "yaml.is_valid", "yaml.marshal", "yaml.unmarshal"]);

/** Compiles a policy and makes its first instance; a sentence when it cannot be run. `documents` is the whole of `data`. */
export function createEngine(wasm: Uint8Array, documents: JsonObject, limits: EngineLimits): Engine | EngineFault {
  try {
    const module = new WebAssembly.Module(wasm);
    const open = (): Instance => openInstance(module, documents, limits);
    const first = open();
    const strange = neededBuiltins(first).filter((name) => !hostBuiltins.has(name));
    if (strange.length > 0) return { fault: `the bundle needs built-ins that the gateway does not have: ${strange.join(", ")}` };
    return keepInstance(first, open);
  } catch (error) {
    return { fault: describeThrown(error) };
  }
}

function openInstance(module: WebAssembly.Module, documents: JsonObject, limits: EngineLimits): Instance {
  const instance = sdk.loadPolicySync(module, { initial: Math.min(pagesInitial, limits.memoryPagesMax), maximum: limits.memoryPagesMax });
  instance.setData(documents);
  return instance;
}

/** Evaluates on one instance as long as it is sound: after anything thrown, or when it has grown large, the next call gets a new one. */
function keepInstance(first: Instance, open: () => Instance): Engine {
  let kept: Instance | null = first;
  return {
    run(input) {
      try {
        const instance = kept ?? open();
        kept = null;
        const result = evaluate(instance, JSON.stringify(input));
        if (instance.mem.buffer.byteLength <= pagesKept * pageBytes) kept = instance;
        return { result };
      } catch (error) {
        return { fault: describeThrown(error) };
      }
    },
  };
}

type EvaluateOnce = (reserved: 0, entrypoint: number, data: number, input: number, inputBytes: number, heap: number, format: 0) => number;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
/** Each UTF-16 unit becomes at most three bytes. */
const bytesOfUnitMax = 3;

/**
 * One evaluation by `opa_eval` (ABI 1.2), as the SDK's own but for the copies: the text is encoded where the module reads it, and the answer decoded where
 * the module wrote it.
 */
function evaluate({ wasmInstance, mem, minorVersion, dataAddr, dataHeapPtr, entrypoints }: Instance, input: string): unknown {
  if (minorVersion < 2 || !Object.hasOwn(entrypoints, entrypoint)) throw new Error(`the module has no entrypoint ${entrypoint} of ABI 1.2`);
  const missing = dataHeapPtr + input.length * bytesOfUnitMax - mem.buffer.byteLength;
  if (missing > 0) mem.grow(Math.ceil(missing / pageBytes));
  const { written } = encoder.encodeInto(input, new Uint8Array(mem.buffer, dataHeapPtr));
  const evaluateOnce = wasmInstance.exports["opa_eval"] as EvaluateOnce;
  const start = evaluateOnce(0, entrypoints[entrypoint] as number, dataAddr, dataHeapPtr, written, dataHeapPtr + written, 0);
  const bytes = new Uint8Array(mem.buffer);
  return JSON.parse(decoder.decode(bytes.subarray(start, bytes.indexOf(0, start))));
}

/** The names in the module's own table of built-ins that it does not implement itself. */
function neededBuiltins({ wasmInstance, mem }: Instance): readonly string[] {
  const { builtins, opa_json_dump: dump } = wasmInstance.exports as { builtins: () => number; opa_json_dump: (address: number) => number };
  const start = dump(builtins());
  const bytes = new Uint8Array(mem.buffer);
  const end = bytes.indexOf(0, start);
  return Object.keys(JSON.parse(new TextDecoder().decode(bytes.subarray(start, end))) as object);
}

/** The SDK and the module throw strings, plain objects and Errors. */
function describeThrown(thrown: unknown): string {
  const message = typeof thrown === "object" && thrown !== null && "message" in thrown ? thrown.message : thrown;
  return typeof message === "string" ? message.slice(0, 300) : `something of type ${typeof message} was thrown`;
}
