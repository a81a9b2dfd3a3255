import type { StreamHead } from "../../ports/upstream.ts";

type Head = Extract<StreamHead, { kind: "answering" }>;

/** What goes back to the agent of an upstream's headers; cookies, redirects, framing and everything else stay here. */
const handedOn = [
  "accept-ranges",
  "content-disposition",
  "content-language",
  "content-range",
  "content-type",
  "etag",
  "last-modified",
  "request-id",
  "retry-after",
  "x-request-id",
  "x-should-retry",
];

const plainValue = /^[!-~](?:[ -~]{0,1022}[!-~])?$/;
const plainLength = /^(?:0|[1-9][0-9]{0,14})$/;

/** A header that stands once and is visible ASCII, else null: neither line breaks nor guesses are handed on. */
export function singleValue(value: string | readonly string[] | undefined): string | null {
  return typeof value === "string" && plainValue.test(value) ? value : null;
}

/**
 * The headers that an answer keeps. Its length is told only where `lengthKnown`: elsewhere the end of the stream is what says that the call is on record,
 * and no agent may take the last byte for it.
 */
export function keepAnswerHeaders({ headers }: Head, lengthKnown: boolean): Readonly<Record<string, string>> {
  const kept = handedOn.flatMap((name) => {
    const value = singleValue(headers[name]);
    return value === null ? [] : [[name, value] as const];
  });
  const length = singleValue(headers["content-length"]);
  if (lengthKnown && length !== null && plainLength.test(length)) kept.push(["content-length", length]);
  // Proxies on the way must not collect what is meant to come chunk by chunk.
  if (/^text\/event-stream\b/i.test(singleValue(headers["content-type"]) ?? "")) kept.push(["x-accel-buffering", "no"]);
  return Object.fromEntries(kept);
}

/** Why an answer cannot be passed on at all, or null. We asked for plain bytes: encoded ones could be a bomb, and hide what they cost. */
export function findUnfit({ status, headers }: Head, bytesMax: number): string | null {
  if (status > 599) return `the upstream answered with the impossible status ${status}`;
  const encoding = [headers["content-encoding"] ?? []].flat().join(",").trim().toLowerCase();
  if (encoding !== "" && encoding !== "identity") return "the answer is content-encoded although plain bytes were asked for";
  const length = singleValue(headers["content-length"]);
  return length !== null && Number(length) > bytesMax ? `the answer has ${length} bytes, and ${bytesMax} are the limit` : null;
}
