import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { pipeline, Readable, Transform } from "node:stream";
import type { Passage, PassSettlement } from "../../path/passage.ts";
import { AnswerBroken, type StreamExchange, type StreamHead } from "../../ports/upstream.ts";
import type { ProblemAnswer } from "../../rules/answer.ts";
import type { PassRules } from "../../rules/catalogue.ts";
import { type CutCause, mayShowStatus, type PassEnd } from "../../rules/pass-outcome.ts";
import type { Usage } from "../../rules/usage.ts";
import { openUsageMeter, type UsageMeter } from "../../rules/usage-meter.ts";
import { findUnfit, singleValue } from "./pass-headers.ts";
import type { RunningStream } from "./streams.ts";

/** What the sender of one passage needs of the request and its response. */
export interface PassedRequest {
  readonly passage: Passage;
  /** Null without a body. */
  readonly body: Readable | null;
  /** From Content-Length; null when the body comes in chunks. */
  readonly bodyBytes: number | null;
  readonly response: ServerResponse;
}

type Answering = Extract<StreamHead, { kind: "answering" }>;

/** What the agent gets: the upstream's answer as it comes, or a problem in its place. */
export type PassedAnswer =
  | {
      readonly kind: "stream";
      readonly head: Answering;
      readonly stream: Readable;
      readonly known: boolean;
    }
  | { readonly kind: "problem"; readonly problem: ProblemAnswer };

/** How often a running stream looks whether it was stopped. With the stops' own poll (500 ms by default) that is less than a second. */
const stopLookMs = 250;

/** Sends one admitted call and hands its answer on chunk by chunk, no faster than the agent takes it; books the end before the agent sees it. */
export function passOn(request: PassedRequest): RunningStream & { readonly answer: Promise<PassedAnswer> } {
  return new PassedExchange(request);
}

/** Owns the exchange with the upstream from the first byte to the record of its end. */
class PassedExchange implements RunningStream {
  readonly answer: Promise<PassedAnswer>;
  readonly ended: Promise<void>;
  readonly #passage: Passage;
  readonly #rules: PassRules;
  readonly #exchange: StreamExchange;
  readonly #sent = openTally();
  readonly #got = openTally();
  readonly #stopLook: NodeJS.Timeout;
  readonly #markEnded: () => void;
  #meter: UsageMeter | null = null;
  #stream: Transform | null = null;
  #why: { readonly cause: CutCause; readonly detail: string } | null = null;

  constructor({ passage, body, bodyBytes, response }: PassedRequest) {
    const ended = Promise.withResolvers<void>();
    this.ended = ended.promise;
    this.#markEnded = ended.resolve;
    this.#passage = passage;
    this.#rules = passage.call.tool.pass as PassRules;
    const cut: Cut = (cause, detail) => this.#cut(cause, detail);
    const counted = body === null ? null : countBody(body, this.#rules.requestBytesMax, this.#sent, cut);
    this.#exchange = passage.open({ body: counted, bodyBytes });
    this.#stopLook = setInterval(() => {
      if (this.#rules.onStop === "cancel" && passage.isStopped()) cut("stopped", "a stop came while the answer was on its way");
    }, stopLookMs);
    this.#stopLook.unref();
    const gone = (): void => {
      if (!response.writableFinished) cut("agent", "the agent hung up");
    };
    if (response.destroyed) gone();
    else response.once("close", gone);
    this.answer = this.#read().catch((error: unknown) => this.#fault(error));
  }

  cut(): void {
    this.#cut("drained", "the gateway was stopped while the answer was on its way");
  }

  async #read(): Promise<PassedAnswer> {
    const head = await this.#exchange.head;
    const { tool, outbound } = this.#passage.call;
    if (head.kind !== "answering") return this.#refuse(head.kind === "not_sent" ? head : this.#cutEnd(null, head.cause, head.detail));
    const { status } = head;
    const hasNoBody = outbound.method === "HEAD" || status === 204 || status === 205 || status === 304;
    const unfit = findUnfit(head, hasNoBody ? Number.POSITIVE_INFINITY : tool.responseBytesMax);
    if (unfit !== null || !mayShowStatus(tool, status)) {
      this.#exchange.cancel();
      return this.#refuse({ kind: "withheld", status, detail: unfit ?? `the upstream answered ${status}` });
    }
    const piped = this.#pass(head);
    if (!hasNoBody) return { kind: "stream", head, stream: piped.stream, known: tool.traits.effect === "read" && this.#meter === null };
    // Nobody sees the end of an answer without a body, only its head: so its end is booked before that.
    piped.stream.resume();
    const settlement = await piped.ended;
    if (settlement.problem !== null || !settlement.mayEnd) return told(settlement, this.#passage);
    return { kind: "stream", head, stream: Readable.from([]), known: outbound.method === "HEAD" };
  }

  /** Lets the answer's body through. `ended` is what its end, whichever it is, was settled as. */
  #pass({ status, headers, body }: Answering): { readonly stream: Transform; readonly ended: Promise<PassSettlement> } {
    const { usage } = this.#rules;
    const meter = usage === null ? null : openUsageMeter(usage, singleValue(headers["content-type"]));
    const whole = (): Promise<PassSettlement> => this.#settle({ kind: "complete", status }, meter?.end() ?? null);
    const stream = openPasser({
      got: this.#got,
      bytesMax: this.#passage.call.tool.responseBytesMax,
      see: (chunk) => meter?.push(chunk),
      cut: (cause, detail) => this.#cut(cause, detail),
      whole,
    });
    [this.#meter, this.#stream] = [meter, stream];
    const ended = pipe(body, stream).then((error) => (error === null ? whole() : this.#settle(this.#endOf(error, status))));
    return { stream, ended };
  }

  #endOf(error: Error, status: number): PassEnd {
    return error instanceof AnswerBroken
      ? this.#cutEnd(status, error.why, error.message)
      : this.#cutEnd(status, "broken", "the answer was not handed on to its end");
  }

  #cut(cause: CutCause, detail: string): void {
    this.#why ??= { cause, detail };
    this.#exchange.cancel();
    this.#stream?.destroy(new Error(detail));
  }

  /** Who ended it first is who ended it. */
  #cutEnd(status: number | null, cause: CutCause, detail: string): PassEnd {
    return { kind: "cut", status, ...(this.#why ?? { cause, detail }) };
  }

  async #settle(end: PassEnd, usage: Usage | null = null): Promise<PassSettlement> {
    clearInterval(this.#stopLook);
    const [sent, got] = [this.#sent, this.#got];
    const transfer = { requestBytes: sent.bytes, requestDigest: sent.digest(), responseBytes: got.bytes, responseDigest: got.digest() };
    const settlement = await this.#passage.settle(end, { transfer, usage });
    this.#markEnded();
    return settlement;
  }

  async #refuse(end: PassEnd): Promise<PassedAnswer> {
    return told(await this.#settle(end), this.#passage);
  }

  async #fault(error: unknown): Promise<never> {
    this.#cut("broken", "a fault of the gateway");
    await this.#settle(this.#cutEnd(null, "broken", "a fault of the gateway"));
    throw error;
  }
}

/** Null when everything came through to the end. */
function pipe(body: AsyncIterable<Uint8Array>, stream: Transform): Promise<Error | null> {
  return new Promise((resolve) => pipeline(body, stream, (error) => resolve(error ?? null)));
}

function told({ problem }: PassSettlement, { call }: Passage): PassedAnswer {
  if (problem === null) throw new Error(`the call ${call.id} has ended without an answer to tell`);
  return { kind: "problem", problem };
}

interface Tally {
  bytes: number;
  add(chunk: Uint8Array): void;
  digest(): string;
}

function openTally(): Tally {
  const hash = createHash("sha256");
  let digest: string | null = null;
  const tally: Tally = {
    bytes: 0,
    add(chunk) {
      if (digest !== null) return;
      tally.bytes += chunk.length;
      hash.update(chunk);
    },
    digest: () => (digest ??= hash.digest("hex")),
  };
  return tally;
}

type Cut = (cause: CutCause, detail: string) => void;

/** The request's body as it comes, counted. What is left of it when nobody wants it any more is not destroyed: its connection is still to be answered. */
async function* countBody(body: Readable, bytesMax: number, sent: Tally, cut: Cut): AsyncGenerator<Uint8Array> {
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    if (sent.bytes + chunk.length > bytesMax) {
      const detail = `the body is longer than ${bytesMax} bytes`;
      cut("body_too_large", detail);
      throw new Error(detail);
    }
    sent.add(chunk);
    yield chunk;
  }
}

interface Passer {
  readonly got: Tally;
  readonly bytesMax: number;
  readonly see: (chunk: Uint8Array) => void;
  readonly cut: Cut;
  readonly whole: () => Promise<PassSettlement>;
}

/** Hands chunks on as they come; its end comes after the record of it, and not at all when there must be none. */
function openPasser({ got, bytesMax, see, cut, whole }: Passer): Transform {
  return new Transform({
    transform(chunk: Uint8Array, _encoding, taken) {
      if (got.bytes + chunk.length > bytesMax) {
        cut("answer_too_large", `the answer is longer than ${bytesMax} bytes`);
        taken(new Error("too large"));
        return;
      }
      got.add(chunk);
      see(chunk);
      taken(null, chunk);
    },
    flush(ended) {
      const end = ({ mayEnd }: PassSettlement): void => ended(mayEnd ? null : new Error("the outcome is not on record"));
      whole().then(end, ended);
    },
  });
}
