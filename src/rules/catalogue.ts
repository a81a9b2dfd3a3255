import type { JsonObject, JsonValue } from "./json.ts";

/**
 * The configuration after it was read and checked: what the path works with. Everything here is immutable and shared by all calls.
 * `src/config` builds it; nothing else does.
 */
export interface Catalogue {
  /** SHA-256 (hex) over the canonical form of all routes, contracts, tenants and tiers. */
  readonly digest: string;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly mounts: readonly Mount[];
  readonly contracts: readonly Contract[];
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly tiers: ReadonlyMap<string, Tier>;
  /** What Rego sees as `input.facts.tenants` and the like is not here; data documents live in the policy bundle. */
}

export interface Traits {
  readonly effect: "read" | "write";
  /** Absent in the file means false: what cannot be undone must say so by being silent. */
  readonly reversible: boolean;
  readonly financial: "none" | "low" | "high";
  /** Data class, such as `public`, `internal`, `personal`, `pci`. */
  readonly data: string;
  readonly errorsDetectable: boolean;
  readonly maturity: "experimental" | "beta" | "stable";
}

/** A compiled JSON Schema (2020-12): returns the findings, empty when the value fits. Never throws, never changes the value. */
export type Validate = (value: JsonValue) => readonly SchemaFinding[];

export interface SchemaFinding {
  readonly pointer: string;
  readonly message: string;
}

export type ArgumentPlace = "path" | "query" | "body";

export interface Tool {
  readonly name: string;
  readonly describe: string;
  /** SHA-256 (hex) of the tool's canonical definition; part of the call digest. */
  readonly digest: string;
  readonly upstream: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Route template segments below the upstream's base: literal text, or the name of the path parameter. */
  readonly template: readonly (string | { readonly parameter: string })[];
  readonly traits: Traits;
  readonly body: "json" | "none";
  /** Where each top-level property of `input` travels. Every property has exactly one place. */
  readonly places: ReadonlyMap<string, ArgumentPlace>;
  readonly input: JsonObject;
  readonly output: JsonObject | null;
  readonly validateInput: Validate;
  readonly validateOutput: Validate | null;
  /** Lower-case names of headers that mean something; they are in policy, digest and approval view. */
  readonly headers: readonly string[];
  readonly amount: AmountSource | null;
  /** Price of one call in USD micros (1 USD = 1,000,000). Integer >= 0. */
  readonly priceMicros: number;
  readonly idempotency: { readonly header: string; readonly honouredForMs: number } | null;
  /** `required`: refuse without a key (irreversible or financial writes); `from_arguments`: derive one; `optional`: neither. */
  readonly key: "required" | "from_arguments" | "optional";
  /** A read tool called first, as a child call; its answer is the "before" and `facts.preview`. */
  readonly preview: string | null;
  /** A read tool that tells people what became of an unknown outcome. Shown to them; the gateway does not call it by itself. */
  readonly reconcile?: string;
  readonly outbound: readonly OutboundRule[];
  /** Upstream statuses that prove nothing happened: `failed`, reservations voided. */
  readonly noEffect: readonly number[];
  readonly timeoutMs: number;
  readonly responseBytesMax: number;
}

export interface AmountSource {
  readonly pointer: string;
  readonly currency: { readonly is: string } | { readonly fromPreview: string };
}

export type FindingKind = "pan" | "iban" | "email";

export interface OutboundRule {
  readonly pointer: string;
  readonly refuse: readonly FindingKind[];
  readonly mask: readonly FindingKind[];
}

export interface Upstream {
  readonly name: string;
  /** Base URL without a trailing slash; https, or http on loopback only. */
  readonly url: string;
  /** Headers set for each tenant, templates filled from `tenants.yaml`; null for a tenant = none, so its calls are denied. */
  readonly headersFor: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** The `set_headers` part of `headersFor` alone, never credentials: it names the account and is part of the approval's binding. Same tenants as `headersFor`. */
  readonly accountFor: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** PEM of a private CA, when the upstream's certificate is not publicly trusted. */
  readonly ca: string | null;
}

/** A path mount: whole leading segments that select an upstream's tools. */
export interface Mount {
  readonly path: readonly string[];
  readonly upstream: Upstream;
  readonly tools: readonly Tool[];
}

export type Stage = "draft" | "suggest" | "autonomous";

export interface Contract {
  readonly agent: string;
  readonly workflow: string;
  /** A person key or group; its people never approve this agent's calls. */
  readonly owner: string;
  readonly tenants: readonly string[];
  readonly environment: string;
  readonly stage: Stage;
  readonly gates: ReadonlyMap<string, Gate>;
  readonly budgets: readonly Budget[];
  readonly rates: readonly Rate[];
  readonly callTimeoutMs: number;
}

/** What a contract says of one tool. */
export interface Gate {
  /** True only for the bare word `allow`: the agent acts alone, whatever the amount. Then `upTo` is null. */
  readonly allow: boolean;
  /** Currency → minor units that the agent may move alone in one call. Null: the gate does not look at the amount. */
  readonly upTo: Readonly<Record<string, number>> | null;
  readonly beyond: "hold" | "deny";
  /** The tier for what is beyond, and for a write whose stage or twin needs people. */
  readonly tier: string | null;
}

export interface Budget {
  /** Stable name such as `cost/run` or `amount/tenant/day`; one per contract. */
  readonly name: string;
  readonly meter: "calls" | "cost" | "amount";
  readonly scope: "run" | "agent" | "workflow" | "tenant";
  readonly window: "run" | "minute" | "hour" | "day" | "week" | "month";
  readonly zone: string;
  /** Calls: a count. Cost: USD micros. Amount: minor units of `currency`. */
  readonly limit: number;
  readonly currency: string | null;
  /** Percent of the limit that open holds may bind, 1..100. */
  readonly heldShareMax: number;
}

export interface Rate {
  readonly scope: "agent" | "tenant" | "tool";
  readonly limit: number;
  readonly windowMs: number;
}

export interface Tenant {
  readonly name: string;
  /** Values that `{tenant.x}` templates name. Never secrets. */
  readonly values: Readonly<Record<string, string>>;
}

export interface Tier {
  readonly name: string;
  /** A person with this group may sign. */
  readonly group: string;
  /** How many different people must approve. */
  readonly people: number;
  readonly expiresMs: number;
}
