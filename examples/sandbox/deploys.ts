import { type JsonObject, make, type Reply, showItems } from "./answers.ts";
import type { Books, Tenant } from "./books.ts";
import type { Ask } from "./routes.ts";

/** `created` is in Unix seconds. */
export type Deploy = {
  readonly id: string;
  readonly service: string;
  readonly version: string;
  readonly status: "done";
  readonly created: number;
};

export const seedDeploys: Readonly<Record<Tenant, readonly Deploy[]>> = {
  acme_co: [{ id: "dp_5001", service: "checkout", version: "1.4.2", status: "done", created: 1_793_020_000 }],
  globex: [{ id: "dp_6001", service: "warehouse", version: "8.0.0", status: "done", created: 1_793_020_000 }],
};

/** 200 with the tenant's deploys, oldest first, of one service when asked so. */
export function listDeploys(ask: Ask): Reply {
  const service = ask.query.get("service");
  return showItems(ask.books.deploys.filter((row) => service === undefined || row.service === service));
}

/** Deploys, at once. Keys are not honoured here: the same request twice makes two. */
export function createDeploy(ask: Ask): Reply {
  const { service, version } = ask.fields as { service: string; version: string };
  return make("deploy", ask.newId("dp"), { service, version, status: "done", created: ask.nowSeconds });
}

/** Files a deploy. */
export function applyDeploy(books: Books, answer: JsonObject): void {
  books.deploys.push(answer as unknown as Deploy);
}
