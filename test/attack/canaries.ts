import { createHash } from "node:crypto";

/** The beginning of every marked text. No word of the product has it. */
const mark = "qZ7xKw3v";
/** The beginning of every marked number: 15 digits, within what JSON numbers hold exactly. */
const markDigits = "7340618";

/** A value that is nowhere else, and that can be known again in other spellings. */
export interface Canary {
  readonly text: string;
  readonly digits: string;
}

/** The same canaries for the same seed. */
export function makeCanary(seed: number, index: number): Canary {
  const hash = createHash("sha256").update(`${seed}/${index}`).digest();
  return {
    text: mark + hash.toString("hex").slice(0, 16),
    digits: markDigits + String(hash.readUIntBE(0, 6) % 100_000_000).padStart(8, "0"),
  };
}

const reversed = (text: string): string => Array.from(text).reverse().join("");
const percentEncoded = (text: string): string => Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

/** What base64 makes of the mark in each of three alignments, without the characters that its neighbours share. */
function inBase64(text: string): readonly string[] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.from("\0".repeat(before) + text).toString("base64");
    return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + text.length) * 8) / 6));
  });
}

/** Every spelling that is looked for: plain in any case, base64, hexadecimal, percent-encoded, backwards, UTF-16. */
const needles: readonly string[] = [mark, markDigits].flatMap((text) => [
  text,
  reversed(text),
  Buffer.from(text).toString("hex"),
  percentEncoded(text),
  ...inBase64(text),
  Array.from(text).join("\0"),
]);
const anyNeedle = new RegExp(needles.map((needle) => needle.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")).join("|"), "gi");

/** Every place of these bytes that holds a canary in any spelling, with what stands around it. */
export function findCanaries(bytes: Buffer | string): readonly string[] {
  const text = typeof bytes === "string" ? bytes : bytes.toString("latin1");
  return [...text.matchAll(anyNeedle)].map(({ index }) => text.slice(Math.max(0, index - 60), index + 60));
}
