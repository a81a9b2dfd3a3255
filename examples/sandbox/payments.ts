import { make, type Reply, refuse, show, showItems } from "./answers.ts";
import type { Books, Change, Tenant } from "./books.ts";
import type { Ask } from "./routes.ts";

/** Amounts are integers in minor units of `currency`; `created` is in Unix seconds. */
export type Charge = {
  readonly id: string;
  readonly amount: number;
  amount_refunded: number;
  readonly currency: string;
  readonly customer: string;
  /** Only a succeeded charge can be refunded. */
  readonly status: "succeeded" | "failed";
  readonly note?: string;
  readonly created: number;
};

export type Refund = {
  readonly id: string;
  readonly charge: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: "succeeded";
  readonly reason?: string;
  readonly created: number;
};

const charge = (id: string, amount: number, currency: string, customer: string, created: number, more: Partial<Charge> = {}): Charge => ({
  id,
  amount,
  amount_refunded: 0,
  currency,
  customer,
  status: "succeeded",
  ...more,
  created,
});

export const seedCharges: Readonly<Record<Tenant, readonly Charge[]>> = {
  acme_co: [
    charge("ch_1001", 12_000, "USD", "cus_ada", 1_793_000_000),
    charge("ch_1002", 90_000, "USD", "cus_grace", 1_793_000_600, { note: "Invoice 2026-118, paid by card." }),
    charge("ch_1003", 5_000, "EUR", "cus_emmy", 1_793_001_200),
    charge("ch_1004", 250, "USD", "cus_ada", 1_793_001_800, { note: "Ask for billing@customer.example before any refund." }),
    charge("ch_1005", 7_700, "USD", "cus_grace", 1_793_002_400, { status: "failed" }),
    charge("ch_1006", 1_000_000_000, "USD", "cus_bulk", 1_793_003_000),
  ],
  globex: [
    charge("ch_2001", 12_000, "USD", "cus_hank", 1_793_000_000),
    charge("ch_2002", 45_000, "EUR", "cus_scorpio", 1_793_000_600),
    charge("ch_2003", 900, "JPY", "cus_hank", 1_793_001_200),
    charge("ch_2004", 1_000_000_000, "USD", "cus_bulk", 1_793_001_800),
  ],
};

/** 200, or 404 `charge_not_found`. */
export function showCharge(ask: Ask): Reply {
  const found = ask.books.charges.get(ask.id);
  return found === undefined ? chargeNotFound() : show(found);
}

/** 200 with the tenant's charges, of one customer when asked so. */
export function listCharges(ask: Ask): Reply {
  const customer = ask.query.get("customer");
  return showItems([...ask.books.charges.values()].filter((row) => customer === undefined || row.customer === customer));
}

/** 200 with the tenant's refunds, of one charge when asked so. */
export function listRefunds(ask: Ask): Reply {
  const wanted = ask.query.get("charge");
  return showItems(ask.books.refunds.filter((row) => wanted === undefined || row.charge === wanted));
}

/**
 * Refunds a charge in full or in part. 404 `charge_not_found`; 422 `charge_not_refundable`, `amount_too_large`, `idempotency_key_reused`.
 * Only a refund that happened keeps its key: a refused one leaves the key free.
 */
export function refundCharge(ask: Ask): Reply {
  const kept = ask.key === null ? undefined : ask.books.refundsByKey.get(ask.key);
  if (kept !== undefined) {
    if (kept.bodySha256 === ask.bodySha256) return show(kept.answer, { "idempotent-replayed": "true" });
    return refuse(422, "idempotency_key_reused", "This Idempotency-Key was used with another body.");
  }
  const found = ask.books.charges.get(ask.fields["charge"] as string);
  if (found === undefined) return chargeNotFound();
  if (found.status !== "succeeded") return refuse(422, "charge_not_refundable", `Charge ${found.id} is ${found.status}.`);
  const amount = ask.fields["amount"] as number;
  const left = found.amount - found.amount_refunded;
  if (amount > left) return refuse(422, "amount_too_large", `At most ${left} of charge ${found.id} can be refunded.`);
  const reason = ask.fields["reason"];
  return make("refund", ask.newId("re"), {
    charge: found.id,
    amount,
    currency: found.currency,
    status: "succeeded",
    ...(reason === undefined ? {} : { reason }),
    created: ask.nowSeconds,
  });
}

/** Books a refund and keeps its answer under its key. */
export function applyRefund(books: Books, change: Change): void {
  const refund = change.answer as unknown as Refund;
  const refunded = books.charges.get(refund.charge);
  if (refunded === undefined) throw new Error(`refund ${refund.id} names an unknown charge`);
  refunded.amount_refunded += refund.amount;
  books.refunds.push(refund);
  if (change.key !== null) books.refundsByKey.set(change.key, { bodySha256: change.bodySha256, answer: change.answer });
}

function chargeNotFound(): Reply {
  return refuse(404, "charge_not_found", "No charge of this account has this id.");
}
