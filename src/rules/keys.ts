const plainAscii = /^[\x20-\x7e]*$/;
const ignorable = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * The form in which two keys count as the same key: compatibility form, no case, no invisible characters.
 *
 * Threat: a lenient reader behind us (Go's `encoding/json` matches keys without case) may read `Amount` where policy read `amount`.
 * Upper-casing after lower-casing approximates full case folding: it joins `ß` with `SS`, `ı` with `i` and both sigmas.
 */
export function foldKey(key: string): string {
  if (plainAscii.test(key)) return key.toUpperCase();
  const visible = key.normalize("NFKC").replace(ignorable, "");
  return visible.toLowerCase().toUpperCase().normalize("NFKC");
}

const forbidden: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"].map(foldKey));

/** True for keys, in any spelling, that reach into a JavaScript object's prototype when somebody copies them carelessly. */
export function isForbiddenKey(key: string): boolean {
  return forbidden.has(foldKey(key));
}

/** The same for a key that is folded already. */
export function isForbiddenFold(folded: string): boolean {
  return forbidden.has(folded);
}
