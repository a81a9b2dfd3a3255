import type { Effect, JsonObject } from "./answers.ts";
import { applyDeploy, type Deploy, seedDeploys } from "./deploys.ts";
import type { DoneLine, LogLine } from "./effects-log.ts";
import { applyRefund, type Charge, type Refund, seedCharges } from "./payments.ts";
import { applyTicket, applyTicketReply, seedTickets, type Ticket } from "./tickets.ts";

/** All that one tenant has. Tenants share nothing, not even the space of idempotency keys. */
export interface Books {
  readonly charges: Map<string, Charge>;
  readonly refunds: Refund[];
  readonly refundsByKey: Map<string, KeptAnswer>;
  readonly tickets: Map<string, Ticket>;
  readonly deploys: Deploy[];
}

/** The answer that a key gets again, and the body it stands for. */
export interface KeptAnswer {
  readonly bodySha256: string;
  readonly answer: JsonObject;
}

/** One change as the log has it. */
export interface Change {
  readonly effect: Effect;
  readonly answer: JsonObject;
  readonly key: string | null;
  readonly bodySha256: string;
}

export const tenants = ["acme_co", "globex"] as const;
export type Tenant = (typeof tenants)[number];

/** The seeds, and on top of them everything that the log says was done. */
export function rebuildBooks(lines: readonly LogLine[]): ReadonlyMap<string, Books> {
  const all = new Map<string, Books>(tenants.map((tenant) => [tenant, seedBooks(tenant)]));
  for (const line of lines) {
    if (!("done" in line) || line.effect === null) continue;
    const books = all.get(line.tenant ?? "");
    if (books === undefined) throw new Error(`the effects log names an unknown tenant at seq ${line.seq}`);
    applyChange(books, changeOf(line, line.effect));
  }
  return all;
}

/** Puts a change into the books: the only place that does, both when it happens and when the log is read again. */
export function applyChange(books: Books, change: Change): void {
  switch (change.effect.kind) {
    case "refund":
      return applyRefund(books, change);
    case "ticket":
      return applyTicket(books, change.answer);
    case "reply":
      return applyTicketReply(books, change.answer);
    case "deploy":
      return applyDeploy(books, change.answer);
  }
}

function changeOf(line: DoneLine, effect: Effect): Change {
  if (line.answer === undefined) throw new Error(`the effects log has no answer at seq ${line.seq}`);
  return { effect, answer: line.answer, key: line.key ?? null, bodySha256: line.body_sha256 ?? "" };
}

function seedBooks(tenant: Tenant): Books {
  return {
    charges: new Map(seedCharges[tenant].map((charge) => [charge.id, { ...charge }])),
    refunds: [],
    refundsByKey: new Map(),
    tickets: new Map(seedTickets[tenant].map((ticket) => [ticket.id, { ...ticket, replies: [...ticket.replies] }])),
    deploys: seedDeploys[tenant].map((deploy) => ({ ...deploy })),
  };
}
