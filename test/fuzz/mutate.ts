/** A small generator of 32-bit numbers (mulberry32): the same seed gives the same run on every machine. */
export interface Dice {
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  /** One of these. */
  pick<T>(from: readonly T[]): T;
}

export function openDice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (bound: number): number => (bound <= 1 ? 0 : next() % bound);
  return { below, pick: (from) => from[below(from.length)] as never };
}

/** No input is longer, bytes. */
export const inputBytesMax = 8192;
const mutationsMax = 6;

/** Bytes at which readers change their mind. */
const turning = [
  0x00, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x25, 0x26, 0x2b, 0x2c, 0x2e, 0x2f, 0x3a, 0x3b, 0x3d, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xbf,
  0xc0, 0xe2, 0xed, 0xef, 0xf0, 0xff,
];

type Mutation = (input: Uint8Array, dice: Dice, others: readonly Uint8Array[], words: readonly Uint8Array[]) => Uint8Array;

const cut = (input: Uint8Array, from: number, to: number, put: Uint8Array = new Uint8Array()): Uint8Array =>
  Buffer.concat([input.subarray(0, from), put, input.subarray(to)]);

function range(input: Uint8Array, dice: Dice): readonly [number, number] {
  const from = dice.below(input.length + 1);
  return [from, Math.min(input.length, from + 1 + dice.below(16))];
}

const mutations: readonly Mutation[] = [
  (input, dice) => withByte(input, dice, (byte) => byte ^ (1 << dice.below(8))),
  (input, dice) => withByte(input, dice, () => dice.pick(turning)),
  (input, dice) => withByte(input, dice, () => dice.below(256)),
  (input, dice) => withByte(input, dice, (byte) => byte + dice.pick([1, 255, 32, 224])),
  (input, dice) => cut(input, ...range(input, dice)),
  (input, dice) => cut(input, 0, dice.below(input.length + 1)),
  (input, dice) => cut(input, dice.below(input.length + 1), input.length),
  (input, dice) => insert(input, dice, Uint8Array.of(dice.pick(turning))),
  (input, dice, _others, words) => insert(input, dice, dice.pick(words)),
  (input, dice, _others, words) => cut(input, ...range(input, dice), dice.pick(words)),
  // The same piece again, once or very often: what stands twice, and what grows.
  (input, dice) => insert(input, dice, input.subarray(...range(input, dice))),
  (input, dice) =>
    insert(input, dice, Buffer.concat(Array.from({ length: 1 << dice.below(9) }, () => input.subarray(...range(input, dice))))),
  // Half of one and half of another.
  (input, dice, others) => {
    const other = dice.pick(others);
    return Buffer.concat([input.subarray(0, dice.below(input.length + 1)), other.subarray(dice.below(other.length + 1))]);
  },
];

function withByte(input: Uint8Array, dice: Dice, change: (byte: number) => number): Uint8Array {
  if (input.length === 0) return input;
  const changed = Uint8Array.from(input);
  const at = dice.below(input.length);
  changed[at] = change(changed[at] as number);
  return changed;
}

function insert(input: Uint8Array, dice: Dice, put: Uint8Array): Uint8Array {
  const at = dice.below(input.length + 1);
  return cut(input, at, at, put);
}

/** Another input, made from one of the corpus by a few changes. */
export function mutate(corpus: readonly Uint8Array[], words: readonly Uint8Array[], dice: Dice): Uint8Array {
  let input = dice.pick(corpus);
  for (let left = 1 + dice.below(1 + dice.below(mutationsMax)); left > 0; left -= 1)
    input = dice.pick(mutations)(input, dice, corpus, words).subarray(0, inputBytesMax);
  return input;
}
