// A Wasm module that speaks OPA's ABI 1.2 and answers whatever a test wants, so that odd results can be made without a compiler of policies.

/** What `opa_eval` of the stand-in does. */
export type StandIn =
  | { readonly answers: string }
  | { readonly aborts: string }
  | { readonly traps: true }
  | { readonly calls: number }
  | { readonly grows: true };

export interface StandInOptions {
  readonly entrypoints?: string;
  readonly builtins?: string;
}

const i32 = 0x7f;
const op = { unreachable: 0x00, loop: 0x03, br: 0x0c, call: 0x10, drop: 0x1a, get: 0x20, grow: 0x40, const: 0x41, end: 0x0b } as const;
const at = { builtins: 1024, entrypoints: 2048, text: 4096, malloc: 300_000, heap: 400_000 } as const;

/** Type numbers by their signature. */
const types = { none: 0, one: 1, two: 2, seven: 3, give: 4 } as const;
const signatures: readonly (readonly [number, number])[] = [
  [0, 1],
  [1, 1],
  [2, 1],
  [7, 1],
  [1, 0],
];

/** The bytes of a module whose evaluation does this. */
export function makeStandIn(does: StandIn, options: StandInOptions = {}): Uint8Array {
  const said = "answers" in does ? does.answers : "aborts" in does ? does.aborts : "";
  const functions: readonly (readonly [string, number, readonly number[]])[] = [
    ["builtins", types.none, number(at.builtins)],
    ["entrypoints", types.none, number(at.entrypoints)],
    ["opa_malloc", types.one, number(at.malloc)],
    ["opa_json_dump", types.one, [op.get, 0]],
    ["opa_json_parse", types.two, number(1)],
    ["opa_heap_ptr_get", types.none, number(at.heap)],
    ["opa_heap_ptr_set", types.give, []],
    ["opa_eval", types.seven, evaluation(does)],
  ];
  const imports = [
    [...name("env"), ...name("memory"), 0x02, 0x00, 0x02],
    [...name("env"), ...name("opa_abort"), 0x00, types.give],
    [...name("env"), ...name("opa_builtin0"), 0x00, types.two],
  ];
  const exports = [
    ...functions.map(([label], index) => [...name(label), 0x00, index + 2]),
    [...name("opa_wasm_abi_version"), 0x03, 0],
    [...name("opa_wasm_abi_minor_version"), 0x03, 1],
  ];
  const segments: readonly (readonly [number, string])[] = [
    [at.builtins, options.builtins ?? "{}"],
    [at.entrypoints, options.entrypoints ?? '{"sallyport/verdict":0}'],
    [at.text, said],
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(
      1,
      vector(
        signatures.map(([takes, gives]) => [
          0x60,
          ...vector(Array.from({ length: takes }, () => [i32])),
          ...vector(Array.from({ length: gives }, () => [i32])),
        ]),
      ),
    ),
    ...section(2, vector(imports)),
    ...section(3, vector(functions.map(([, type]) => [type]))),
    ...section(6, vector([global(1), global(2)])),
    ...section(7, vector(exports)),
    ...section(10, vector(functions.map(([, , body]) => sized([0x00, ...body, op.end])))),
    ...section(11, vector(segments.map(([offset, text]) => [0x00, ...number(offset), op.end, ...sizedText(`${text}\0`)]))),
  ]);
}

function evaluation(does: StandIn): readonly number[] {
  if ("answers" in does) return number(at.text);
  if ("aborts" in does) return [...number(at.text), op.call, 0, ...number(0)];
  if ("calls" in does) return [...number(does.calls), ...number(0), op.call, 1];
  if ("traps" in does) return [op.unreachable];
  // Grows by a page for ever: `memory.grow` answers -1 at the maximum, and adding one to it as an address of `opa_abort` ends the evaluation.
  return [op.loop, 0x40, ...number(1), op.grow, 0x00, ...number(0), 0x4e, 0x0d, 0x00, op.end, op.unreachable];
}

const global = (value: number): readonly number[] => [i32, 0x00, ...number(value), op.end];
const number = (value: number): readonly number[] => [op.const, ...signed(value)];
const section = (id: number, content: readonly number[]): readonly number[] => [id, ...unsigned(content.length), ...content];
const sized = (content: readonly number[]): readonly number[] => [...unsigned(content.length), ...content];
const sizedText = (text: string): readonly number[] => sized([...new TextEncoder().encode(text)]);
const name = sizedText;
const vector = (items: readonly (readonly number[])[]): readonly number[] => [...unsigned(items.length), ...items.flat()];

function unsigned(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): readonly number[] {
  return value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
