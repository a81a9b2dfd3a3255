import type { DialectName } from "./dialects.ts";
import type { FormObject } from "./form-shape.ts";
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
  /** What the tool's own URL takes and its upstream gets. A call by name is JSON whatever this says. */
  readonly body: "json" | "form" | "none";
  /** How the form's texts are read. Absent on a `form` tool: nothing may stand in it. */
  readonly bodyForm?: FormObject;
  /** The same for a query in bracket style. Absent: the query is flat. */
  readonly queryForm?: FormObject;
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
  /** Most items that an answer may have at a pointer, or as the list that it is (null); one with more is withheld. Null: not counted. */
  readonly itemsMax: { readonly pointer: string | null; readonly max: number } | null;
  /** Only on a passthrough mount: what the request and answer hold is then not looked at, and `timeoutMs` is the time to the answer's head. */
  readonly pass?: PassRules;
}

/** How requests of one tool are passed through. */
export interface PassRules {
  /** True when one or more segments may follow the template. */
  readonly rest: boolean;
  readonly requestBytesMax: number;
  /** Longest silence within an answer. */
  readonly idleMs: number;
  /** Longest time from the answer's head to its end. */
  readonly wholeMs: number;
  /** What a stop does with an answer on its way. */
  readonly onStop: "cancel" | "finish";
  /** Where the answer tells the tokens that it took; null: it does not. */
  readonly usage: UsageSource | null;
  /** The longest pattern first. Empty: a call costs its fixed price. */
  readonly prices: readonly ModelPrice[];
}

/** Where an answer tells its usage: in a vendor's own way, or at JSON pointers. */
export type UsageSource =
  | { readonly format: "openai" | "anthropic" }
  | {
      readonly format: "pointers";
      readonly input: string;
      readonly output: string;
      /** Cached tokens are a part of the input. */
      readonly cachedInput: string | null;
      readonly model: string | null;
    };

/** What a million tokens of a model cost, USD micros. */
export interface ModelPrice {
  /** A model's name, or its beginning. */
  readonly model: string;
  readonly prefix: boolean;
  readonly inputMicros: number;
  readonly cachedInputMicros: number;
  readonly cacheWriteMicros: number;
  readonly outputMicros: number;
}

export interface AmountSource {
  readonly pointer: string;
  readonly currency: { readonly is: string } | { readonly fromPreview: string };
}

export type FindingKind = "pan" | "iban" | "email" | "ssn" | "phone" | "secret";

export interface OutboundRule {
  /** RFC 6901, with `*` for every item or member; `""` is all arguments. */
  readonly pointer: string;
  readonly refuse: readonly FindingKind[];
  readonly mask: readonly FindingKind[];
  /** Kinds of the mount's default that may leave here. Absent: none. */
  readonly allow?: readonly FindingKind[];
  /** The mount's default: speaks of arguments and declared headers, of kinds that no other rule for the same place names. */
  readonly isDefault?: true;
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

/** Where agents put their token on a mount: exactly one place. A header's name is lower-case. */
export type TokenPlace =
  | { readonly in: "bearer" }
  | { readonly in: "header"; readonly name: string }
  | { readonly in: "basic"; readonly part: "username" | "password" };

/** Where agents reach an upstream's tools: a listener's port, a host name and whole leading path segments, as far as the route file names them. */
export interface Mount {
  /** Empty: every path of this port or host. */
  readonly path: readonly string[];
  /** A listener of its own; null is the agents' listener. */
  readonly port: number | null;
  /** Lower-case, without a port; null is any host. */
  readonly host: string | null;
  readonly agentToken: TokenPlace;
  readonly dialect: DialectName;
  /** Idempotency keys that the SDK makes up for its own retries: they tell a repeated request, but not that a call is meant twice. */
  readonly clientKeys: RegExp | null;
  /** Requests are passed through as they are; then every tool of the mount has `pass`. */
  readonly passthrough?: true;
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
