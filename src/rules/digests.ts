import { canonicalJson, sha256Hex } from "./canonical.ts";
import type { JsonObject } from "./json.ts";

/** What makes two calls the same call. */
export interface CallIdentity {
  readonly tenant: string;
  readonly environment: string;
  readonly agent: string;
  readonly user: string | null;
  /** Digest of the tool's canonical definition. */
  readonly toolDigest: string;
  readonly method: string;
  /** The absolute URL that `encodeRequest` built. */
  readonly url: string;
  /** Declared headers only, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly args: JsonObject;
}

/** What an approval is for. */
export interface CallBinding {
  readonly callDigest: string;
  readonly run: string | null;
  readonly upstream: string;
  /** The tenant's headers at the upstream that are no secrets, such as the account's id. */
  readonly account: Readonly<Record<string, string>>;
}

/** SHA-256 (hex) over the RFC 8785 text of a call. The first member names the form, so that no other document has the same digest. */
export function callDigest(call: CallIdentity): string {
  const { tenant, environment, agent, user, toolDigest, method, url, headers, args } = call;
  return sha256Hex(
    canonicalJson({ v: "sallyport-call-1", tenant, environment, agent, user, tool: toolDigest, method, url, headers, args }),
  );
}

/** SHA-256 (hex) over the call digest and all that an approval binds besides: run, upstream and account. */
export function bindingDigest(binding: CallBinding): string {
  const { callDigest: call, run, upstream, account } = binding;
  return sha256Hex(canonicalJson({ v: "sallyport-binding-1", call, run, upstream, account }));
}
