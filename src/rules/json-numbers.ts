/**
 * Whether a double stands for exactly the decimal that was written, so that policy, upstream and ledger cannot read three different numbers.
 *
 * True when the shortest decimal that names the double has the same value as the text (`0.1`, `1.0` and `1e2` pass; `9007199254740993`,
 * `1e400`, `1e-400` and seventeen digits of pi do not), and when the double is within ±(2^53-1): beyond it neighbouring integers share one
 * double. A negative zero is refused, because RFC 8785 writes it as `0`.
 */
export function isExactNumber(text: string, value: number): boolean {
  if (Object.is(value, -0) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  const shortest = String(value);
  return shortest === text || normalizeDecimal(shortest) === normalizeDecimal(text);
}

/** One spelling for each decimal value: sign, digits without outer zeros, power of ten. Linear in the text's length. */
function normalizeDecimal(text: string): string {
  const negative = text.startsWith("-");
  const [mantissa = "", power = "0"] = text.slice(negative ? 1 : 0).split(/[eE]/);
  const [whole = "", fraction = ""] = mantissa.split(".");
  const digits = whole + fraction;
  let start = 0;
  while (digits[start] === "0") start += 1;
  if (start === digits.length) return "0";
  let end = digits.length;
  while (digits[end - 1] === "0") end -= 1;
  const exponent = Number(power) - fraction.length + (digits.length - end);
  return `${negative ? "-" : ""}${digits.slice(start, end)}e${exponent}`;
}
