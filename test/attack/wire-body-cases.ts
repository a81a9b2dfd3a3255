import { chunked, chunkedOf, framed, frameOnly, group, head, hex, json, lengthOf, startLine, type WireCase } from "./wire-parts.ts";

/** Lengths that are none, or two. */
export const lengths: readonly WireCase[] = [
  ...group("one", {
    "a length with spaces around it": ({ body, auth }) =>
      head(startLine, ["Host: gw", auth, json, `Content-Length:  ${body.length}  `]) + body,
  }),
  ...group("two", {
    "a length, and a second request behind it": framed(
      ({ body }) => [lengthOf(body)],
      ({ body }) => body,
    ),
  }),
  ...group("none", {
    "two equal lengths": framed(
      ({ body }) => [lengthOf(body), lengthOf(body)],
      ({ body }) => body,
    ),
    "two lengths that differ": framed(
      ({ body }) => [lengthOf(body), "Content-Length: 0"],
      ({ body }) => body,
    ),
    "a list of equal lengths": framed(
      ({ body }) => [`Content-Length: ${body.length}, ${body.length}`],
      ({ body }) => body,
    ),
    "a length and chunked": framed(
      ({ body }) => [lengthOf(body), "Transfer-Encoding: chunked"],
      ({ body }) => chunkedOf(body),
    ),
    "chunked and a length": framed(
      ({ body }) => ["Transfer-Encoding: chunked", lengthOf(body)],
      ({ body }) => chunkedOf(body),
    ),
    "chunked and a length of 0": framed(
      () => ["Transfer-Encoding: chunked", "Content-Length: 0"],
      ({ body }) => chunkedOf(body),
    ),
    "a length with a plus": frameOnly("Content-Length: +", ({ body }) => String(body.length)),
    "a length with a minus": frameOnly("Content-Length: -", ({ body }) => String(body.length)),
    "a length in hexadecimal": frameOnly("Content-Length: 0x", ({ body }) => hex(body)),
    "a length in octal": frameOnly("Content-Length: 0o", ({ body }) => body.length.toString(8)),
    "a length with a leading zero": frameOnly("Content-Length: 0", ({ body }) => String(body.length)),
    "a length with a fraction": frameOnly("Content-Length: ", ({ body }) => `${body.length}.0`),
    "a length with an exponent": frameOnly("Content-Length: ", ({ body }) => `${body.length}e0`),
    "a length with an underscore": frameOnly(
      "Content-Length: ",
      ({ body }) => `${String(body.length).slice(0, 1)}_${String(body.length).slice(1)}`,
    ),
    "a length with a space in it": frameOnly(
      "Content-Length: ",
      ({ body }) => `${String(body.length).slice(0, 1)} ${String(body.length).slice(1)}`,
    ),
    "a length in quotes": frameOnly("Content-Length: ", ({ body }) => `"${body.length}"`),
    "a length with a unit": frameOnly("Content-Length: ", ({ body }) => `${body.length}b`),
    "an empty length": frameOnly("Content-Length:"),
    "a length of nothing but spaces": frameOnly("Content-Length:   "),
    "a length of 2^64": frameOnly("Content-Length: 18446744073709551616"),
    "a length of 2^63": frameOnly("Content-Length: 9223372036854775808"),
    "a length of 30 digits": frameOnly(`Content-Length: ${"9".repeat(30)}`),
    "a length beyond the limit": frameOnly("Content-Length: 10000000"),
    "a length behind a NUL": frameOnly("Content-Length:\0", ({ body }) => String(body.length)),
    "a length behind a vertical tab": frameOnly("Content-Length:\x0b", ({ body }) => String(body.length)),
    "a length that is folded": framed(
      ({ body }) => [`Content-Length:\r\n ${body.length}`],
      ({ body }) => body,
    ),
    "a length whose name has a space": frameOnly("Content-Length : ", ({ body }) => String(body.length)),
    "a length behind a bare CR": framed(
      ({ body }) => [`Accept: a\rContent-Length: ${body.length}`],
      ({ body }) => body,
    ),
    "no length, and the body as the next request": ({ body, auth, inner }) => head(startLine, ["Host: gw", auth, json]) + body + inner,
  }),
];

/** Transfer codings but `chunked`. */
export const codings: readonly WireCase[] = group(
  "none",
  Object.fromEntries(
    Object.entries({
      identity: "Transfer-Encoding: identity",
      gzip: "Transfer-Encoding: gzip",
      "gzip, chunked": "Transfer-Encoding: gzip, chunked",
      "chunked, gzip": "Transfer-Encoding: chunked, gzip",
      "chunked, identity": "Transfer-Encoding: chunked, identity",
      "identity, chunked": "Transfer-Encoding: identity, chunked",
      "chunked, chunked": "Transfer-Encoding: chunked, chunked",
      "chunked twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
      "chunked, then identity": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
      "identity, then chunked": "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
      xchunked: "Transfer-Encoding: xchunked",
      chunkedx: "Transfer-Encoding: chunkedx",
      "chunked;x": "Transfer-Encoding: chunked;x",
      "in quotes": 'Transfer-Encoding: "chunked"',
      "a comma before": "Transfer-Encoding: ,chunked",
      "a comma behind": "Transfer-Encoding: chunked,",
      empty: "Transfer-Encoding:",
      "a NUL before": "Transfer-Encoding: \0chunked",
      "a vertical tab before": "Transfer-Encoding: \x0bchunked",
      "a form feed behind": "Transfer-Encoding: chunked\x0c",
      folded: "Transfer-Encoding:\r\n chunked",
      "folded behind": "Transfer-Encoding: chunked\r\n , identity",
      "a space before the colon": "Transfer-Encoding : chunked",
      "a tab before the colon": "Transfer-Encoding\t: chunked",
      "a name with a NUL": "Transfer-Encoding\0: chunked",
      "a space before the name": "Accept: a\r\n Transfer-Encoding: chunked",
      "behind a bare LF": "Accept: a\nTransfer-Encoding: chunked",
      "behind a bare CR": "Accept: a\rTransfer-Encoding: chunked",
      "an underscore": "Transfer_Encoding: chunked",
      "the letter k of Kelvin": "Transfer-Encoding: chun\xe2\x84\xaaed",
    }).map(([name, text]) => [
      `a coding: ${name}`,
      framed(
        () => [text],
        ({ body }) => chunkedOf(body),
      ),
    ]),
  ),
);

/** Chunks, good and bad. */
export const chunks: readonly WireCase[] = [
  ...group("one", {
    "one chunk, and bytes behind it that are no second request": chunked(({ body }) => chunkedOf(body)),
    "Chunked in capitals": framed(
      () => ["Transfer-Encoding: CHUNKED"],
      ({ body }) => chunkedOf(body),
    ),
    "one byte in each chunk": chunked(
      ({ body }) =>
        `${Array.from(body)
          .map((one) => `1\r\n${one}\r\n`)
          .join("")}0\r\n\r\n`,
    ),
    "a size with leading zeros": chunked(({ body }) => `000${hex(body)}\r\n${body}\r\n000\r\n\r\n`),
    "a size in capitals": chunked(({ body }) => `${hex(body).toUpperCase()}\r\n${body}\r\n0\r\n\r\n`),
    "an extension": chunked(({ body }) => `${hex(body)};a=b\r\n${body}\r\n0\r\n\r\n`),
    "an extension in quotes": chunked(({ body }) => `${hex(body)};a="b"\r\n${body}\r\n0;c\r\n\r\n`),
    "20 KiB of extensions, some at each chunk": chunked(
      ({ body }) =>
        `${Array.from(body)
          .map((one) => `1;${"a".repeat(600)}\r\n${one}\r\n`)
          .join("")}0\r\n\r\n`,
    ),
    "a trailer": chunked(({ body }) => `${hex(body)}\r\n${body}\r\n0\r\nX-Tenant: globex\r\nAuthorization: Bearer x\r\n\r\n`),
  }),
  ...group("none", {
    "a size with a sign": chunked(({ body }) => `+${chunkedOf(body)}`),
    "a negative size": chunked(({ body }) => `-${chunkedOf(body)}`),
    "a size with 0x": chunked(({ body }) => `0x${chunkedOf(body)}`),
    "a size with an underscore": chunked(({ body }) => `${hex(body)}_\r\n${body}\r\n0\r\n\r\n`),
    "a size with a space before it": chunked(({ body }) => ` ${chunkedOf(body)}`),
    "a size with a space behind it": chunked(({ body }) => `${hex(body)} \r\n${body}\r\n0\r\n\r\n`),
    "a size with a tab behind it": chunked(({ body }) => `${hex(body)}\t\r\n${body}\r\n0\r\n\r\n`),
    "a size beyond 64 bits": chunked(({ body }) => `1000000000000000${chunkedOf(body)}`),
    "no size": chunked(({ body }) => `\r\n${body}\r\n0\r\n\r\n`),
    "a size that is a word": chunked(({ body }) => `z\r\n${body}\r\n0\r\n\r\n`),
    "a bare LF behind the size": chunked(({ body }) => `${hex(body)}\n${body}\r\n0\r\n\r\n`),
    "a bare CR behind the size": chunked(({ body }) => `${hex(body)}\r${body}\r\n0\r\n\r\n`),
    "a bare LF behind the chunk": chunked(({ body }) => `${hex(body)}\r\n${body}\n0\r\n\r\n`),
    "nothing behind the chunk": chunked(({ body }) => `${hex(body)}\r\n${body}0\r\n\r\n`),
    "two other bytes behind the chunk": chunked(({ body }) => `${hex(body)}\r\n${body}XX0\r\n\r\n`),
    "a bare LF behind the last size": chunked(({ body }) => `${hex(body)}\r\n${body}\r\n0\n\r\n`),
    "a bare LF at the end of the chunks": chunked(({ body }) => `${hex(body)}\r\n${body}\r\n0\r\n\n`),
    "a bare LF in an extension": chunked(({ body }) => `${hex(body)};a\nb\r\n${body}\r\n0\r\n\r\n`),
    "a bare CR in an extension": chunked(({ body }) => `${hex(body)};a\rb\r\n${body}\r\n0\r\n\r\n`),
    "a NUL in an extension": chunked(({ body }) => `${hex(body)};a\0\r\n${body}\r\n0\r\n\r\n`),
    "an extension of 20 KiB": chunked(({ body }) => `${hex(body)};${"a".repeat(20 * 1024)}\r\n${body}\r\n0\r\n\r\n`),
    "a chunk that is longer than it says": chunked(({ body }) => `5\r\n${body}\r\n0\r\n\r\n`),
    "a chunk that is shorter than it says": chunked(({ body }) => `${(body.length + 5).toString(16)}\r\n${body}\r\n0\r\n\r\n`),
    "a trailer of 20 KiB": chunked(({ body }) => `${hex(body)}\r\n${body}\r\n0\r\nX-A: ${"a".repeat(20 * 1024)}\r\n\r\n`),
    "a trailer that is folded": chunked(({ body }) => `${hex(body)}\r\n${body}\r\n0\r\nX-A: a\r\n b\r\n\r\n`),
    "a trailer with a bare LF": chunked(({ body }) => `${hex(body)}\r\n${body}\r\n0\r\nX-A: a\nX-B: b\r\n\r\n`),
    "chunks without an end": ({ body, auth }) =>
      head(startLine, ["Host: gw", auth, json, "Transfer-Encoding: chunked"]) + `${hex(body)}\r\n${body}\r\n`,
    "more than the limit, in chunks": chunked(
      ({ body }) => `${hex(body)}\r\n${body}\r\n${`10000\r\n${" ".repeat(65_536)}\r\n`.repeat(5)}0\r\n\r\n`,
    ),
    "chunked in HTTP/1.0": ({ body, auth }) =>
      head(startLine.replace("1.1", "1.0"), ["Host: gw", auth, json, "Transfer-Encoding: chunked"]) + chunkedOf(body),
  }),
];
