/** One regular file of an archive. */
export interface TarEntry {
  /** Canonical relative path: segments of `A-Z a-z 0-9 _ . -` joined by `/`, no leading slash, none of them `.` or `..`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

const block = 512;
const entriesMax = 1000;
const pathForm = /^(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+)*$/;
const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/**
 * Reads an uncompressed archive of plain files, or says in one clause what is wrong with it. Strict, so that no two readers see two archives:
 * only ustar headers of regular files with a right checksum, canonical paths (one leading slash, as OPA writes it, is dropped), no path twice,
 * two zero blocks at the end and nothing but zeros after. At most 1000 files.
 */
export function readTar(archive: Uint8Array): readonly TarEntry[] | string {
  const entries = new Map<string, TarEntry>();
  for (let at = 0; ; ) {
    const header = archive.subarray(at, at + block);
    if (header.length < block) return "the archive ends without its end mark";
    if (isZero(header))
      return archive.length >= at + 2 * block && isZero(archive.subarray(at)) ? [...entries.values()] : "something follows the end mark";
    const file = readHeader(header);
    if (typeof file === "string") return file;
    if (entries.has(file.path)) return `${file.path} is there twice`;
    if (entries.size >= entriesMax) return `the archive holds more than ${entriesMax} files`;
    const bytes = archive.subarray(at + block, at + block + file.size);
    if (bytes.length < file.size) return `${file.path} is cut short`;
    entries.set(file.path, { path: file.path, bytes });
    at += block + Math.ceil(file.size / block) * block;
  }
}

function readHeader(header: Uint8Array): { readonly path: string; readonly size: number } | string {
  if (octal(header, 148, 8) !== checksum(header)) return "a header's checksum is wrong";
  const prefix = text(header, 345, 155);
  const name = text(header, 0, 100);
  const size = octal(header, 124, 12);
  if (name === null || prefix === null || text(header, 257, 5) !== "ustar") return "a header is not in ustar form";
  const path = `${prefix === "" ? "" : `${prefix}/`}${name}`.replace(/^\//, "");
  if (!pathForm.test(path)) return "a path is not canonical";
  if (header[156] !== 0x30 && header[156] !== 0) return `${path} is not a regular file`;
  return size === null ? `${path} has no size` : { path, size };
}

/** Writes the same bytes for the same entries: sorted by path, no times, no owners. Throws on a path that has no place in a ustar header. */
export function writeTar(entries: readonly TarEntry[]): Uint8Array {
  const sorted = entries.toSorted((left, right) => (left.path < right.path ? -1 : 1));
  const total = sorted.reduce((sum, entry) => sum + block + Math.ceil(entry.bytes.length / block) * block, 2 * block);
  const archive = new Uint8Array(total);
  let at = 0;
  for (const entry of sorted) {
    archive.set(writeHeader(entry), at);
    archive.set(entry.bytes, at + block);
    at += block + Math.ceil(entry.bytes.length / block) * block;
  }
  return archive;
}

function writeHeader({ path, bytes }: TarEntry): Uint8Array {
  if (path.length > 99 || !pathForm.test(path)) throw new Error(`${path} is not a path that fits an archive`);
  const header = new Uint8Array(block);
  const put = (value: string, offset: number): void => header.set(encoder.encode(value), offset);
  put(path, 0);
  put("0000644", 100);
  put("0000000", 108);
  put("0000000", 116);
  put(bytes.length.toString(8).padStart(11, "0"), 124);
  put("00000000000", 136);
  put("0", 156);
  put("ustar\u000000", 257);
  put(`${checksum(header).toString(8).padStart(6, "0")}\u0000 `, 148);
  return header;
}

/** The sum of all bytes with the checksum's own field read as spaces. */
function checksum(header: Uint8Array): number {
  return header.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 0x20 : byte), 0);
}

function text(header: Uint8Array, offset: number, length: number): string | null {
  const field = header.subarray(offset, offset + length);
  const end = field.indexOf(0);
  try {
    return decoder.decode(end === -1 ? field : field.subarray(0, end));
  } catch {
    return null;
  }
}

function octal(header: Uint8Array, offset: number, length: number): number | null {
  const digits = text(header, offset, length)?.trim() ?? "";
  return /^[0-7]{1,11}$/.test(digits) ? Number.parseInt(digits, 8) : null;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
