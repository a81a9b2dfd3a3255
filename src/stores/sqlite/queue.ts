import { Worker } from "node:worker_threads";
import { StoreOverloaded, StoreUnavailable } from "../../ports/calls.ts";
import type { Changes } from "./memory.ts";
import type { Batch, BatchReply, OperationCall, WorkerOptions } from "./messages.ts";
import type { OperationInput, OperationName, OperationOutput } from "./operations.ts";

/** Operations that one commit takes at most; the next batch leaves when the last has answered, so a slow disk makes larger groups. */
const batchSizeMax = 256;

export interface QueueOptions extends WorkerOptions {
  /** Operations that wait at most; beyond it a call is refused before it is queued. */
  readonly queueMax: number;
  /** An operation that has not left for the writer within this time is withdrawn. Once it left, we wait: only the writer knows what happened. */
  readonly queueWaitMsMax: number;
  /** Told once when the writer thread dies; every later operation is refused. */
  readonly onDeath: (error: Error) => void;
}

export interface Queue {
  run<Name extends OperationName>(name: Name, ...input: OperationInput<Name>): Promise<OperationOutput<Name>>;
  /** As `run`; `onResult` is told of the result in the order of the writer's replies, before the changes of its batch are applied. */
  runAndTell<Name extends OperationName>(
    name: Name,
    input: OperationInput<Name>,
    onResult: (result: OperationOutput<Name>) => void,
  ): Promise<OperationOutput<Name>>;
  close(): Promise<void>;
}

interface Waiting {
  readonly call: OperationCall;
  readonly queuedAtMs: number;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly onResult: ((value: never) => void) | null;
}

/** Starts the writer thread on a database file and resolves when it has it. Rejects when the file is another process's, unreadable or newer. */
export async function openQueue(options: QueueOptions, onChanges: (changes: Changes) => void): Promise<Queue> {
  const worker = await startWorker(options);
  return new WorkerQueue(worker, options, onChanges);
}

async function startWorker({ file, killAt }: QueueOptions): Promise<Worker> {
  // The entry has the ending of this very file: `.ts` as source, `.js` when compiled.
  const ending = import.meta.url.slice(import.meta.url.lastIndexOf("."));
  const worker = new Worker(new URL(`./worker${ending}`, import.meta.url), { workerData: { file, killAt } satisfies WorkerOptions });
  await new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    // Told when the thread is gone and its connection with it: whoever opens the file next must not find it locked.
    worker.once("error", (error) => worker.once("exit", () => reject(error)));
  });
  worker.removeAllListeners("error");
  return worker;
}

class WorkerQueue implements Queue {
  readonly #worker: Worker;
  readonly #options: QueueOptions;
  #waiting: Waiting[] = [];
  #sent: readonly Waiting[] = [];
  #dead: StoreUnavailable | null = null;
  #drained: (() => void) | null = null;
  readonly #timer: NodeJS.Timeout;
  readonly #onChanges: (changes: Changes) => void;

  constructor(worker: Worker, options: QueueOptions, onChanges: (changes: Changes) => void) {
    this.#worker = worker;
    this.#options = options;
    this.#onChanges = onChanges;
    worker.on("message", (reply: BatchReply) => this.#answer(reply));
    worker.on("error", (error) => this.#die(error as Error));
    worker.on("exit", () => this.#die(new Error("the writer thread has ended")));
    this.#timer = setInterval(() => this.#withdrawOld(), Math.max(50, options.queueWaitMsMax / 4));
    this.#timer.unref();
  }

  run<Name extends OperationName>(name: Name, ...input: OperationInput<Name>): Promise<OperationOutput<Name>> {
    return this.runAndTell(name, input, null);
  }

  runAndTell<Name extends OperationName>(
    name: Name,
    input: OperationInput<Name>,
    onResult: ((result: OperationOutput<Name>) => void) | null,
  ): Promise<OperationOutput<Name>> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    if (this.#waiting.length >= this.#options.queueMax)
      return Promise.reject(new StoreOverloaded("too many operations are waiting for the store"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ call: { name, input }, queuedAtMs: performance.now(), resolve, reject, onResult });
      this.#send();
    });
  }

  async close(): Promise<void> {
    if (this.#dead !== null) return;
    if (this.#sent.length + this.#waiting.length > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    clearInterval(this.#timer);
    if (this.#dead !== null) return;
    const ended = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    this.#dead = new StoreUnavailable("the store is closed");
    this.#worker.postMessage("close");
    await ended;
  }

  #send(): void {
    if (this.#sent.length > 0 || this.#waiting.length === 0) {
      if (this.#sent.length === 0) this.#drained?.();
      return;
    }
    this.#sent = this.#waiting.splice(0, batchSizeMax);
    try {
      this.#worker.postMessage({ calls: this.#sent.map((one) => one.call) } satisfies Batch);
    } catch (error) {
      // An input that cannot be cloned: nothing of the batch has left, so that all of it may be refused and the next can go.
      this.#answer({ replies: this.#sent.map(() => ({ ok: false, message: String(error) })), changes: { accounts: [], states: [] } });
    }
  }

  #answer({ replies, changes }: BatchReply): void {
    const answered = this.#sent;
    this.#sent = [];
    for (const [index, { onResult }] of answered.entries()) {
      const reply = replies[index];
      if (reply?.ok === true) onResult?.(reply.value as never);
    }
    this.#onChanges(changes);
    for (const [index, waiting] of answered.entries()) {
      const reply = replies[index];
      if (reply?.ok === true) waiting.resolve(reply.value as never);
      else waiting.reject(new StoreUnavailable(reply?.message ?? "the writer did not answer"));
    }
    this.#send();
  }

  #withdrawOld(): void {
    const oldest = performance.now() - this.#options.queueWaitMsMax;
    const old = this.#waiting.filter((one) => one.queuedAtMs < oldest);
    if (old.length === 0) return;
    this.#waiting = this.#waiting.filter((one) => one.queuedAtMs >= oldest);
    for (const one of old)
      one.reject(new StoreUnavailable("the store is too slow; the operation was withdrawn before it reached the writer"));
  }

  #die(error: Error): void {
    if (this.#dead !== null) return;
    this.#dead = new StoreUnavailable("the writer thread has ended", { cause: error });
    for (const one of [...this.#sent, ...this.#waiting]) one.reject(this.#dead);
    this.#sent = [];
    this.#waiting = [];
    this.#drained?.();
    this.#options.onDeath(error);
  }
}
