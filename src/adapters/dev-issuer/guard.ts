import { isIP, isIPv4 } from "node:net";

/**
 * Throws unless the address a listener binds to is loopback: 127.0.0.0/8, ::1 or `localhost`. Whoever reaches a gateway in development mode can
 * get any identity, so it must not be reachable from outside. An absent or empty host means all addresses, and is refused.
 */
export function assertDevAllowed({ host }: { readonly host: string | undefined }): void {
  if (isLoopback(host ?? "")) return;
  const shown = host === undefined || host === "" ? "every address" : JSON.stringify(host);
  throw new Error(`--dev mints tokens for anybody who asks, so it listens on loopback only (127.0.0.1, ::1 or localhost), not on ${shown}`);
}

function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith("127.");
  return (
    host === "localhost" ||
    (isIP(host) === 6 && new URL(`http://[${host.replace(/%.*$/, "")}]`).hostname === "[::1]" && !host.includes("%"))
  );
}
