import type { Payload } from "./calls.ts";

/**
 * Encrypts what is kept beside the ledger, AES-256-GCM under a key per tenant. The digest is keyed (HMAC-SHA256), so that short values cannot
 * be guessed from it. `open` answers null when the key was destroyed, and throws when the bytes were changed.
 */
export interface PayloadCipher {
  seal(tenant: string, plain: Uint8Array): Payload;
  open(payload: Payload): Uint8Array | null;
}
