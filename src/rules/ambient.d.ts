// Rules are pure: of the platform they may use hashing and text coding, and nothing else. No clock, random, environment or I/O is declared here,
// so the compiler refuses them in this folder.
declare module "node:crypto" {
  interface Hash {
    update(data: string | Uint8Array): Hash;
    digest(encoding: "hex" | "base64" | "base64url"): string;
    digest(): Uint8Array;
  }
  export function createHash(algorithm: "sha256"): Hash;
  export function hash(algorithm: "sha256", data: string | Uint8Array, encoding: "hex" | "base64" | "base64url"): string;
}
declare class TextEncoder {
  encode(input?: string): Uint8Array;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array): string;
}
declare class URL {
  constructor(url: string, base?: string);
  readonly href: string;
  readonly origin: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port: string;
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
  readonly username: string;
  readonly password: string;
}
declare function btoa(binary: string): string;
declare function atob(base64: string): string;
