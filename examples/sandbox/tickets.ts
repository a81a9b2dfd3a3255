import { type JsonObject, make, type Reply, refuse, show, showItems } from "./answers.ts";
import type { Books, Tenant } from "./books.ts";
import type { Ask } from "./routes.ts";

/** `created` is in Unix seconds. */
export type TicketReply = { readonly id: string; readonly ticket: string; readonly text: string; readonly created: number };

export type Ticket = {
  readonly id: string;
  readonly subject: string;
  readonly text: string;
  readonly status: "open";
  readonly replies: TicketReply[];
  readonly created: number;
};

const ticket = (id: string, created: number, subject: string, text: string): Ticket => ({
  id,
  subject,
  text,
  status: "open",
  replies: [],
  created,
});

export const seedTickets: Readonly<Record<Tenant, readonly Ticket[]>> = {
  acme_co: [
    ticket("tk_3001", 1_793_010_000, "Charged twice", "My card shows two payments of 120.00 for one order (ch_1001)."),
    ticket("tk_3002", 1_793_010_600, "Invoice address", "Please put our new address on invoice 2026-118."),
  ],
  globex: [ticket("tk_4001", 1_793_010_000, "Charged twice", "Two payments for one delivery, see ch_2001.")],
};

/** 200 with the tickets whose subject or text has the words of `query`, in any case; all without it. */
export function listTickets(ask: Ask): Reply {
  const wanted = (ask.query.get("query") ?? "").toLowerCase();
  const matches = (row: Ticket) => `${row.subject}\n${row.text}`.toLowerCase().includes(wanted);
  return showItems([...ask.books.tickets.values()].filter(matches));
}

/** 200, or 404 `ticket_not_found`. */
export function showTicket(ask: Ask): Reply {
  const found = ask.books.tickets.get(ask.id);
  return found === undefined ? ticketNotFound() : show(found);
}

/** Opens a ticket. Keys are not honoured here: the same request twice makes two. */
export function createTicket(ask: Ask): Reply {
  const { subject, text } = ask.fields as { subject: string; text: string };
  return make("ticket", ask.newId("tk"), { subject, text, status: "open", replies: [], created: ask.nowSeconds });
}

/** Answers a ticket, or 404 `ticket_not_found`. Keys are not honoured here either. */
export function replyToTicket(ask: Ask): Reply {
  const found = ask.books.tickets.get(ask.id);
  if (found === undefined) return ticketNotFound();
  return make("reply", ask.newId("rp"), { ticket: found.id, text: ask.fields["text"] as string, created: ask.nowSeconds });
}

/** Files a new ticket. */
export function applyTicket(books: Books, answer: JsonObject): void {
  const made = answer as unknown as Ticket;
  books.tickets.set(made.id, { ...made, replies: [] });
}

/** Files a reply with its ticket. */
export function applyTicketReply(books: Books, answer: JsonObject): void {
  const reply = answer as unknown as TicketReply;
  const answered = books.tickets.get(reply.ticket);
  if (answered === undefined) throw new Error(`reply ${reply.id} names an unknown ticket`);
  answered.replies.push(reply);
}

function ticketNotFound(): Reply {
  return refuse(404, "ticket_not_found", "No ticket of this account has this id.");
}
