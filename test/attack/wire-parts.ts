/** What one case is made of; the body holds a mark of its own by which the upstream's log is searched. */
export interface WireParts {
  readonly body: string;
  readonly auth: string;
  /** A second, whole request with another mark: what somebody would smuggle. */
  readonly inner: string;
}

/** `one`: accepted, and the upstream sees exactly this body once. `two`: so is the inner one, as a request of its own. `none`: refused, 4xx or the end. */
export type WireFate = "one" | "two" | "none";

export interface WireCase {
  readonly name: string;
  readonly fate: WireFate;
  readonly bytes: (parts: WireParts) => string;
}

export const path = "/sallyport/v1/tools/tickets.create";
export const startLine = `POST ${path} HTTP/1.1`;
export const json = "Content-Type: application/json";
export const lengthOf = (body: string): string => `Content-Length: ${body.length}`;
export const hex = (body: string): string => body.length.toString(16);
export const chunkedOf = (body: string): string => `${hex(body)}\r\n${body}\r\n0\r\n\r\n`;

export const head = (line: string, headers: readonly string[]): string => `${[line, ...headers].join("\r\n")}\r\n\r\n`;
export const group = (fate: WireFate, cases: Readonly<Record<string, (parts: WireParts) => string>>): readonly WireCase[] =>
  Object.entries(cases).map(([name, bytes]) => ({ name, fate, bytes }));
/** The plain request with another request line. */
export const line =
  (text: string) =>
  ({ body, auth }: WireParts) =>
    head(text, ["Host: gw", auth, json, lengthOf(body)]) + body;
/** The plain request with more header lines, before those that everybody sends. */
export const more =
  (...lines: readonly string[]) =>
  ({ body, auth }: WireParts) =>
    head(startLine, ["Host: gw", ...lines, auth, json, lengthOf(body)]) + body;
/** A framing of its own: no length but these headers, and these bytes as the body; the inner request follows. */
export const framed = (headers: (parts: WireParts) => readonly string[], body: (parts: WireParts) => string) => (parts: WireParts) =>
  head(startLine, ["Host: gw", parts.auth, json, ...headers(parts)]) + body(parts) + parts.inner;
export const chunked = (body: (parts: WireParts) => string) => framed(() => ["Transfer-Encoding: chunked"], body);
export const frameOnly = (text: string, value: (parts: WireParts) => string = () => "") =>
  framed(
    (parts) => [text + value(parts)],
    ({ body }) => body,
  );
