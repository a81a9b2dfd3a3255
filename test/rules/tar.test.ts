import assert from "node:assert/strict";
import { test } from "node:test";
import { readTar, type TarEntry, writeTar } from "../../src/rules/tar.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const entries: readonly TarEntry[] = [
  { path: ".manifest", bytes: bytes("{}") },
  { path: "a/b.rego", bytes: bytes("x".repeat(513)) },
  { path: "empty", bytes: new Uint8Array() },
];

test("what is written is read again, sorted, and writes the same bytes in any order", () => {
  assert.deepEqual(readTar(writeTar(entries)), entries);
  assert.deepEqual(writeTar(entries.toReversed()), writeTar(entries));
});

/** A header's field changed, with the checksum made right again. */
function forge(change: (header: Uint8Array) => void): Uint8Array {
  const archive = writeTar(entries);
  const header = archive.subarray(0, 512);
  change(header);
  header.fill(0x20, 148, 156);
  header.set(
    bytes(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
    ),
    148,
  );
  return archive;
}
const renamed = (path: string): Uint8Array => forge((header) => header.set(bytes(`${path}\0`), 0));

const refused: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["nothing", new Uint8Array(), /end mark/],
  ["no end mark", writeTar(entries).slice(0, -1024), /end mark/],
  ["half an end mark", writeTar(entries).slice(0, -512), /end mark/],
  ["something after the end", Uint8Array.from([...writeTar(entries), 1]), /follows/],
  ["a file cut short", writeTar([{ path: "a", bytes: bytes("x".repeat(600)) }]).slice(0, 1000), /cut short/],
  ["a wrong checksum", ((archive) => (archive.set([0x62], 0), archive))(writeTar(entries)), /checksum/],
  ["a path twice", renamed("empty"), /empty is there twice/],
  ["a way out", renamed("../x"), /canonical/],
  ["a dot segment", renamed("a/./x"), /canonical/],
  ["an empty segment", renamed("a//x"), /canonical/],
  ["two leading slashes", renamed("//x"), /canonical/],
  ["a folder's slash", renamed("x/"), /canonical/],
  ["a backslash", renamed("a\\x"), /canonical/],
  ["a space", renamed("a x"), /canonical/],
  ["a symbolic link", forge((header) => header.set([0x32], 156)), /regular/],
  ["a folder", forge((header) => header.set([0x35], 156)), /regular/],
  ["a PAX header", forge((header) => header.set([0x78], 156)), /regular/],
  ["a size in base 256", forge((header) => header.set([0x80], 124)), /size|ustar/],
  ["a negative size", forge((header) => header.set(bytes("-0000000001"), 124)), /size/],
  ["an old header without a magic", forge((header) => header.fill(0, 257, 263)), /ustar/],
];
for (const [what, archive, says] of refused) {
  test(`an archive is refused: ${what}`, () => {
    const read = readTar(archive);
    assert.ok(typeof read === "string", "was read");
    assert.match(read, says);
  });
}

test("one leading slash, as OPA writes it, is dropped", () => {
  const read = readTar(renamed("/x"));
  assert.ok(typeof read !== "string");
  assert.equal(read[0]?.path, "x");
});
