import type { UpstreamOutcome } from "../../ports/upstream.ts";

type NotSent = Extract<UpstreamOutcome, { kind: "not_sent" }>;
type Interrupted = Extract<UpstreamOutcome, { kind: "interrupted" }>;

/** Node's and OpenSSL's codes for a handshake or certificate that was refused (Node's documentation, `tls`, "X509 certificate error codes"). */
const tlsCode =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|ERROR_IN_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH|EPROTO$)/;

/** What a fault means when the request was not yet on any socket. */
export function failedBeforeSending(error: unknown): NotSent {
  const code = codeOf(error);
  if (tlsCode.test(code)) return { kind: "not_sent", cause: "tls", detail: `the TLS handshake failed (${code})` };
  return { kind: "not_sent", cause: "unreachable", detail: `no connection (${code})` };
}

/** What a fault means once the first byte may have left. `status` is that of complete headers, null when none came. */
export function failedAfterSending(error: unknown, status: number | null): Interrupted {
  return { kind: "interrupted", cause: "broken", detail: `the connection broke (${codeOf(error)})${brokenOffAfter(status)}` };
}

/** The deadline passed before there was a connection to write to. */
export function lateBeforeSending(timeoutMs: number): NotSent {
  return { kind: "not_sent", cause: "unreachable", detail: `no connection within ${timeoutMs} ms` };
}

/** The deadline passed after the first byte may have left. */
export function lateAfterSending(timeoutMs: number, status: number | null): Interrupted {
  return { kind: "interrupted", cause: "timeout", detail: `no complete answer within ${timeoutMs} ms${brokenOffAfter(status)}` };
}

function brokenOffAfter(status: number | null): string {
  return status === null ? "" : `, after headers with status ${status}`;
}

/** Only the code is told on: messages carry addresses. */
function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { readonly code?: unknown }).code : undefined;
  if (typeof code === "string") return code;
  // With several addresses to try, Node rejects with an AggregateError whose own code may be missing.
  return error instanceof AggregateError && error.errors.length > 0 ? codeOf(error.errors[0]) : "no code";
}
