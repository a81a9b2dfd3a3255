const localMax = 64;
const domainMax = 255;
const localCharacter = /[A-Za-z0-9.!#$%&'*+/=?^_`{|}~"\-\u0080-\uffff]/;
const domainCharacter = /[A-Za-z0-9.\-\u0080-\uffff]/;
/** Spans of e-mail addresses in folded text, of the forms people write, international ones too. Linear: at most 64 + 255 characters around each `@`. */
export function findEmailAddresses(chars: string): readonly { readonly from: number; readonly to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (let mark = chars.indexOf("@"); mark !== -1; mark = chars.indexOf("@", mark + 1)) {
    let from = mark;
    while (from > 0 && mark - from < localMax && isOf(localCharacter, chars, from - 1)) from -= 1;
    let to = mark + 1;
    while (to < chars.length && to - mark <= domainMax && isOf(domainCharacter, chars, to)) to += 1;
    const domain = domainLength(chars.slice(mark + 1, to));
    if (from < mark && domain > 0) found.push({ from, to: mark + 1 + domain });
  }
  return found;
}

/** White space beyond ASCII never belongs to an address. */
function isOf(characters: RegExp, chars: string, at: number): boolean {
  const character = chars.charAt(at);
  return characters.test(character) && (character <= "\x7f" || /[\p{L}\p{N}]/u.test(character));
}

/** How much of a text, from its beginning, is a domain of two labels or more; 0 when none of it is. A last label that is a number is no domain. */
function domainLength(text: string): number {
  const labels = text.split(".");
  const empty = labels.indexOf("");
  const domain = labels.slice(0, empty === -1 ? labels.length : empty);
  while (domain.length > 1 && !/[^0-9-]/.test(domain.at(-1) ?? "")) domain.pop();
  const length = domain.join(".").replace(/-+$/, "").length;
  return domain.length > 1 && (domain.at(-1) ?? "").length > 1 ? length : 0;
}
