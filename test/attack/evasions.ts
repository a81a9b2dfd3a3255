/** A value in a disguise, as an agent would write it into a text. */
export interface Evasion {
  readonly how: string;
  readonly text: string;
}

const visa = "4111111111111111";
const iban = "DE89370400440532013000";
/** Put together here, so that no scanner of repositories takes it for a real one. */
export const stripeKey = ["sk", "live", "4eC39HqLyjWDarjtT1zdp7dc"].join("_");
export const githubToken = ["ghp", "16C7e42F292c6912E7710c838347Ae178B4a"].join("_");
const ssn = "123-45-6789";
const phone = "+49 170 1234567";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const hex = (text: string): string => Buffer.from(text).toString("hex");
const percent = (text: string): string => Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
const shifted = (digits: string, zero: number): string =>
  Array.from(digits, (digit) => (/[0-9]/.test(digit) ? String.fromCodePoint(zero + Number(digit)) : digit)).join("");
const wide = (text: string): string => Array.from(text, (each) => String.fromCodePoint((each.codePointAt(0) ?? 0) + 0xfee0)).join("");

/** Disguises that are seen through: each of them must be refused. */
export const caught: readonly Evasion[] = [
  { how: "a card as it is", text: visa },
  { how: "a card in groups of four", text: "4111 1111 1111 1111" },
  { how: "a card in odd groups", text: "41 1111 111111 11-11" },
  { how: "a card digit by digit", text: Array.from(visa).join(" ") },
  { how: "a card with dashes and spaces", text: "4111 - 1111 - 1111 - 1111" },
  { how: "a card with dots", text: "4111.1111.1111.1111" },
  { how: "a card with slashes", text: "4111/1111/1111/1111" },
  { how: "a card with asterisks", text: "4111*1111*1111*1111" },
  { how: "a card with plus signs", text: "4111+1111+1111+1111" },
  { how: "a card with backslashes", text: "4111\\1111\\1111\\1111" },
  { how: "a card in brackets", text: "(4111)(1111)(1111)(1111)" },
  { how: "a card on four lines", text: "4111\n1111\n1111\n1111" },
  { how: "a card with tabs", text: "4111\t1111\t1111\t1111" },
  { how: "a card with NUL characters", text: "4111\u00001111\u00001111\u00001111" },
  { how: "a card with non-breaking spaces", text: "4111\u00a01111\u00a01111\u00a01111" },
  { how: "a card with ideographic spaces", text: "4111\u30001111\u30001111\u30001111" },
  { how: "a card with en dashes", text: "4111\u20131111\u20131111\u20131111" },
  { how: "a card with minus signs", text: "4111\u22121111\u22121111\u22121111" },
  { how: "a card with middle dots", text: "4111\u00b71111\u20221111\u22c51111" },
  { how: "a card with zero-width spaces", text: Array.from(visa).join("\u200b") },
  { how: "a card with soft hyphens", text: Array.from(visa).join("\u00ad") },
  { how: "a card with a right-to-left override", text: `\u202e${visa.slice(0, 8)}\u202c${visa.slice(8)}` },
  { how: "a card with combining strokes", text: Array.from(visa).join("\u0336") },
  { how: "a card as keycaps", text: Array.from(visa, (digit) => `${digit}\ufe0f\u20e3`).join("") },
  { how: "a card with tag characters", text: Array.from(visa).join("\u{e0041}") },
  { how: "a card in full-width digits", text: wide(visa) },
  { how: "a card in Arabic digits", text: shifted(visa, 0x660) },
  { how: "a card in Devanagari digits", text: shifted(visa, 0x966) },
  { how: "a card in mathematical digits", text: shifted(visa, 0x1d7d8) },
  { how: "a card in circled and superscript digits", text: "\u2463\u00b9\u20811111111111111" },
  { how: "a card behind zeros", text: `0000${visa}` },
  { how: "a card between letters", text: `abc${visa}def` },
  { how: "a card as track data", text: `%B${visa}^DOE/JOHN^2912101?` },
  { how: "a card as percent escapes", text: percent(visa) },
  { how: "a card as percent escapes, twice", text: percent(percent(visa)) },
  { how: "a card partly percent-encoded", text: "41%31111111111111%31" },
  { how: "a card with percent-encoded spaces", text: "4111%201111%201111%201111" },
  { how: "a card as decimal entities", text: Array.from(visa, (digit) => `&#${digit.charCodeAt(0)};`).join("") },
  { how: "a card as hexadecimal entities", text: Array.from(visa, (digit) => `&#x${digit.charCodeAt(0).toString(16)};`).join("") },
  { how: "a card with named entities between", text: "4111&nbsp;1111&shy;1111&hyphen;1111" },
  { how: "a card as \\u escapes", text: Array.from(visa, (digit) => `\\u00${digit.charCodeAt(0).toString(16)}`).join("") },
  { how: "a card as \\x escapes", text: Array.from(visa, (digit) => `\\x${digit.charCodeAt(0).toString(16)}`).join("") },
  { how: "a card in base64", text: base64(visa) },
  { how: "a card in base64 of a sentence", text: base64(`please pay ${visa} now`) },
  { how: "a card in base64 without padding, glued to a word", text: `x${base64(`pay ${visa} now`).replace(/=+$/, "")}` },
  { how: "a card in base64 of base64", text: base64(base64(visa)) },
  { how: "a card in base64 of percent escapes", text: base64(percent(visa)) },
  { how: "a card in base64 as percent escapes", text: percent(base64(visa)) },
  { how: "a card in base64 of UTF-16", text: Buffer.from(visa, "utf16le").toString("base64") },
  { how: "a card in base64 on several lines", text: base64(visa).replace(/(.{5})/g, "$1\n") },
  { how: "a card in a data URL", text: `data:text/plain;base64,${base64(`card ${visa}`)}` },
  { how: "a card in hexadecimal", text: hex(visa) },
  { how: "a card in spaced hexadecimal", text: hex(visa).replace(/(..)/g, "$1 ") },
  { how: "a card in base64 of hexadecimal", text: base64(hex(visa)) },
  { how: "an account number in small letters", text: iban.toLowerCase() },
  { how: "an account number character by character", text: Array.from(iban).join(" ") },
  { how: "an account number in full width", text: wide(iban) },
  { how: "an account number with a Cyrillic letter", text: `D\u0415${iban.slice(2)}` },
  { how: "an account number behind letters", text: `IBAN${iban}` },
  { how: "an account number in base64", text: base64(iban) },
  { how: "an address with a full-width at sign", text: "john\uff20example.com" },
  { how: "an address with zero-width spaces", text: "john\u200b@exa\u200bmple.com" },
  { how: "an address with (at)", text: "john (at) example.com" },
  { how: "an address with an ideographic full stop", text: "john@example\u3002com" },
  { how: "an address with a percent-encoded at sign", text: "john%40example.com" },
  { how: "an address with entities", text: "john&#64;example&period;com" },
  { how: "an address in base64", text: base64("john@example.com") },
  { how: "a social security number with spaces", text: "123 45 6789" },
  { how: "a social security number with en dashes", text: ssn.replaceAll("-", "\u2013") },
  { how: "a social security number without dashes behind its name", text: "SSN: 123456789" },
  { how: "a social security number digit by digit behind its name", text: "social security 1 2 3 4 5 6 7 8 9" },
  { how: "a social security number in full width", text: shifted(ssn, 0xff10) },
  { how: "a telephone number with brackets", text: "(212) 555-0143" },
  { how: "a telephone number with dots", text: "212.555.0143" },
  { how: "a telephone number digit by digit", text: "+ 4 9 1 7 0 1 2 3 4 5 6 7" },
  { how: "a telephone number with 00", text: "0049 170 1234567" },
  { how: "a telephone number in Arabic digits", text: shifted(phone, 0x660) },
  { how: "a telephone number with a percent-encoded plus sign", text: "%2B491701234567" },
  { how: "a key as it is", text: `use ${stripeKey} please` },
  { how: "a key with white space within", text: stripeKey.replace(/(.{7})/g, "$1 ") },
  { how: "a key on two lines", text: `${stripeKey.slice(0, 14)}\n${stripeKey.slice(14)}` },
  { how: "a key with zero-width spaces", text: Array.from(stripeKey).join("\u200b") },
  { how: "a key in full width", text: wide(stripeKey) },
  { how: "a key with Cyrillic letters in its prefix", text: stripeKey.replace("sk", "\u0455\u043a") },
  { how: "a key in base64", text: base64(stripeKey) },
  { how: "a key in base64 of a header", text: base64(`api:${githubToken}`) },
  { how: "a key in hexadecimal", text: hex(githubToken) },
  { how: "a key as percent escapes", text: percent(githubToken) },
  { how: "a private key without its end", text: "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA" },
  { how: "a private key on one line", text: "-----BEGINPRIVATEKEY-----MIIEpAIBAAKCAQEA" },
  { how: "a password in a URL", text: "postgres://admin:hunter2x@db.internal/prod" },
  { how: "a password behind its name", text: 'the password is "correcthorse9"' },
  { how: "a bearer header", text: "curl -H 'Authorization: Bearer abcdef0123456789abcdef'" },
];

/** Disguises that are not seen through. docs/outbound.md lists each of them by these words. */
export const through: readonly Evasion[] = [
  { how: "words for digits", text: "four one one one, one one one one, one one one one, one one one one" },
  { how: "a number written backwards", text: Array.from(stripeKey).reverse().join("") },
  { how: "a letter for a digit", text: "4lll llll llll llll" },
  { how: "letters between the digits", text: "4111x1111x1111x1111" },
  { how: "commas between the digits", text: "4111,1111,1111,1111" },
  { how: "more than three separators in a row", text: "4111     1111     1111     1111" },
  { how: "digits glued to a number", text: `7${visa}` },
  {
    how: "a cipher such as ROT13",
    text: stripeKey.replace(/[a-z]/gi, (letter) => String.fromCharCode(letter.charCodeAt(0) + (/[a-m]/i.test(letter) ? 13 : -13))),
  },
  { how: "base32, base58, base85, quoted-printable", text: "GQYTCMJRGEYTCMJRGEYTCMJRGE======" },
  { how: "three layers of an encoding", text: percent(percent(percent(visa))) },
  { how: "compressed or encrypted text", text: "H4sIAAAAAAAAAzMxNDREQgBnlHOPEAAAAA==" },
  { how: "a key cut in two by other words", text: `${stripeKey.slice(0, 5)} and then ${stripeKey.slice(5)}` },
  { how: "a telephone number without any mark", text: "2125550143" },
  { how: "nine bare digits without a name", text: "123456789" },
  { how: "an address in words", text: "john at example dot com" },
  { how: "a secret with no known form", text: "zX8mK2pQ9vL4nR7tY1wB" },
];
