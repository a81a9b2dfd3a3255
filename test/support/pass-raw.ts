import { type Answerer, answerEmpty, type PassWorld } from "./pass-world.ts";
import { rawRequest, sendRaw } from "./raw-http.ts";

/** Sends exactly these lines to the mount, with the reader's token, and answers status, code, headers and what the upstream got of it. */
export async function rawTo(world: PassWorld, line: string, headers: readonly string[] = [], body = "", authorized = true) {
  const before = world.upstream.seen.length;
  const token = authorized ? [`Authorization: Bearer ${world.token}`] : [];
  const { responses, rest, closed } = await sendRaw(
    world.gateway.agentsUrl,
    rawRequest(`${line} HTTP/1.1`, ["Host: gw.test", "Connection: close", ...token, ...headers], body),
  );
  const response = responses[0] ?? readHead(rest);
  let code: unknown;
  try {
    code = (JSON.parse(response?.body ?? "") as { code?: unknown }).code;
  } catch {
    code = undefined;
  }
  return { status: response?.status ?? 0, code, response, rest, closed, count: responses.length, seen: world.upstream.seen.slice(before) };
}

/** The answer to a HEAD, which the reader takes for an unfinished one. */
function readHead(text: string) {
  const [first = "", ...lines] = (text.split("\r\n\r\n")[0] ?? "").split("\r\n");
  const headers = lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()] as const);
  return { status: Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(first)?.[1] ?? 0), headers, body: "" };
}

/** Answers so, after the whole body. */
export const answering =
  (status: number, headers: Readonly<Record<string, string>>, body: string | Buffer = ""): Answerer =>
  (request, response) => {
    request.resume().on("end", () => response.writeHead(status, headers).end(body));
  };

/** Lets the upstream answer so while something is done. */
export async function withAnswerOf<T>(world: PassWorld, answer: Answerer, act: () => Promise<T>): Promise<T> {
  world.upstream.answer = answer;
  try {
    return await act();
  } finally {
    world.upstream.answer = answerEmpty;
  }
}
