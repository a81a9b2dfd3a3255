import { announcedSecret, authorizationValue, type SecretForm, secretForms, urlPassword } from "./secret-forms.ts";

interface Span {
  readonly from: number;
  readonly to: number;
}

interface CompiledForm extends SecretForm {
  /** Sticky, from the prefix's first character. */
  readonly pattern: RegExp;
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const compiled: readonly CompiledForm[] = secretForms.map((form) => ({
  ...form,
  pattern: new RegExp(escape(form.prefix) + form.body, "y"),
}));

/** The forms by their first two characters, so that most places of a text cost one look. */
const byStart = new Map<number, readonly CompiledForm[]>();
for (const form of compiled) {
  const start = form.prefix.charCodeAt(0) * 128 + form.prefix.charCodeAt(1);
  byStart.set(start, [...(byStart.get(start) ?? []), form]);
}
const starts = Uint8Array.from({ length: 128 * 128 }, (_, start) => (byStart.has(start) || start === 0x65 * 128 + 0x79 ? 1 : 0));
const tokenStart = 0x65 * 128 + 0x79;

const characters = (pattern: RegExp): Uint8Array =>
  Uint8Array.from({ length: 128 }, (_, code) => (pattern.test(String.fromCharCode(code)) ? 1 : 0));
const urlCharacters = characters(/[A-Za-z0-9_-]/);
const secretCharacters = characters(/[A-Za-z0-9_\-.+/=~:]/);
/** A JSON Web Token's header and body are longer, each. */
const tokenPartMin = 10;

/**
 * Spans of keys and tokens in folded text: what has one of the known prefixes, JSON Web Tokens, private keys in PEM up to their end, passwords in
 * URLs, and what words such as "password:" or "Bearer" announce. A span goes on to the end of the token. Linear: every run of token characters is
 * measured once, and every other look is bounded.
 */
export function findSecrets(chars: string): readonly Span[] {
  const found = findPrefixed(chars);
  for (let at = chars.indexOf("://"); at !== -1; at = chars.indexOf("://", at + 3)) {
    urlPassword.lastIndex = at + 3;
    if (urlPassword.test(chars)) found.push({ from: at + 3, to: urlPassword.lastIndex });
  }
  for (const pattern of [announcedSecret, authorizationValue]) {
    for (const match of chars.matchAll(pattern)) {
      const value = match[1] ?? "";
      const to = match.index + match[0].length;
      if (/[0-9]/.test(value) && /[A-Za-z]/.test(value)) found.push({ from: to - value.length, to });
    }
  }
  return found;
}

/** Only what has a known prefix; used also for a text whose white space was taken out, where words announce nothing. */
export function findPrefixed(chars: string): Span[] {
  const found: Span[] = [];
  const secretEnd = runEnds(chars, secretCharacters);
  const urlEnd = runEnds(chars, urlCharacters);
  let next = chars.charCodeAt(0);
  for (let at = 0; at < chars.length - 1; at += 1) {
    const code = next;
    next = chars.charCodeAt(at + 1);
    if (code > 127 || next > 127 || starts[code * 128 + next] === 0) continue;
    const start = code * 128 + next;
    const to = start === tokenStart ? webTokenEnd(chars, at, urlEnd) : formEnd(chars, at, start, secretEnd);
    if (to === -1) continue;
    found.push({ from: at, to });
    at = to - 1;
    next = chars.charCodeAt(to);
  }
  return found;
}

function formEnd(chars: string, at: number, start: number, secretEnd: (at: number) => number): number {
  for (const { prefix, pattern, apart, mixed } of byStart.get(start) ?? []) {
    if ((apart === true && at > 0 && isWord(chars.charCodeAt(at - 1))) || !chars.startsWith(prefix, at)) continue;
    pattern.lastIndex = at;
    if (!pattern.test(chars)) continue;
    if (prefix === "BEGIN") return privateKeyEnd(chars, pattern.lastIndex);
    const matched = pattern.lastIndex;
    if (mixed !== true || isMixed(chars.slice(at + prefix.length, matched))) return Math.max(matched, secretEnd(matched - 1));
  }
  return -1;
}

/** A key without its end goes on to the end of the text. */
function privateKeyEnd(chars: string, from: number): number {
  const end = chars.indexOf("END", from);
  if (end === -1) return chars.length;
  const line = chars.indexOf("-----", end);
  return line === -1 ? chars.length : Math.min(chars.length, line + 5);
}

/** RFC 7515: `eyJ` is the beginning of a JSON object in base64url; a dot and another part follow. */
function webTokenEnd(chars: string, at: number, urlEnd: (at: number) => number): number {
  if (chars.charCodeAt(at + 2) !== 0x4a) return -1;
  const headerEnd = urlEnd(at);
  if (headerEnd - at < tokenPartMin || chars.charCodeAt(headerEnd) !== 0x2e) return -1;
  const bodyEnd = urlEnd(headerEnd + 1);
  if (bodyEnd - headerEnd <= tokenPartMin) return -1;
  return chars.charCodeAt(bodyEnd) === 0x2e ? Math.max(bodyEnd + 1, urlEnd(bodyEnd + 1)) : bodyEnd;
}

/** Answers where the run of these characters ends that a place stands in; the place itself when it stands in none. Each run is walked once. */
function runEnds(chars: string, allowed: Uint8Array): (at: number) => number {
  let start = 0;
  let end = 0;
  return (at) => {
    if (at >= start && at < end) return end;
    start = at;
    end = at;
    while (end < chars.length && chars.charCodeAt(end) < 128 && allowed[chars.charCodeAt(end)] === 1) end += 1;
    return end;
  };
}

function isWord(code: number): boolean {
  return code < 128 ? urlCharacters[code] === 1 && code !== 0x2d && code !== 0x5f : false;
}

function isMixed(body: string): boolean {
  return /[0-9]/.test(body) && /[A-Z]/.test(body) && /[a-z]/.test(body);
}
