/** What the bench asks for: a write of about 200 bytes of JSON, or a read of one note. */
export type Kind = "write" | "read";

/** Calls of one agent run. Every run has a token of its own, so one call in so many brings a token that was never seen. */
export const callsPerRun = 20;

const text = "The customer asked for the invoice of October once more, and wants it in English this time.";

/** The id of a note. All ids have one length, so that all requests and answers do. */
export function noteId(number: number): string {
  return `nt_${String(number).padStart(10, "0")}`;
}

/** The body of a write; 199 bytes. No two are alike, for two writes with the same arguments would be one call. */
export function writeBody(number: number): string {
  return `{"note":"${noteId(number)}","account":"acct_0000004711","priority":3,"amount":125000,"currency":"EUR","text":"${text}"}`;
}

/** What the upstream must answer, byte for byte, whoever stands in between. */
export function expectedAnswer(kind: Kind, number: number): string {
  return JSON.stringify(answerTo(kind === "write" ? "booked" : "found", noteId(number)));
}

/** The upstream's answer as it is before it becomes text. */
export function answerTo(status: "booked" | "found", note: string): object {
  return { id: note, account: "acct_0000004711", status, priority: 3, amount: 125000, currency: "EUR", text, created: 1763800000 };
}

/** One request as it stands on the wire, but for the token: the same for every contender apart from the path's beginning. */
export function requestText(kind: Kind, basePath: string, token: string, number: number): string {
  const head = `Host: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\nAccept: application/json\r\n`;
  if (kind === "read") return `GET ${basePath}/v1/notes/${noteId(number)} HTTP/1.1\r\n${head}\r\n`;
  const body = writeBody(number);
  const about = `Idempotency-Key: ${noteId(number)}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  return `POST ${basePath}/v1/notes HTTP/1.1\r\n${head}${about}\r\n${body}`;
}
