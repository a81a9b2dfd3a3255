/** Whether a host name or address can only be this machine. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "[::1]" || host === "::1" || /^127(\.[0-9]{1,3}){3}$/.test(host);
}

/** A base URL without a trailing slash; https, or http on loopback only; no credentials, query or fragment. Otherwise what is wrong, as the end of a sentence. */
export function readBaseUrl(text: string): { readonly url: string; readonly loopback: boolean } | { readonly wrong: string } {
  if (!URL.canParse(text)) return { wrong: 'must be a URL like "https://api.example.com"' };
  const url = new URL(text);
  const loopback = isLoopbackHost(url.hostname);
  if (url.protocol !== "https:" && url.protocol !== "http:") return { wrong: "must be an https URL" };
  if (url.protocol === "http:" && !loopback) return { wrong: "must be https: plain http is for loopback only" };
  if (url.username !== "" || url.password !== "") return { wrong: "must not contain a user name or password" };
  if (url.search !== "" || url.hash !== "" || text.includes("?") || text.includes("#"))
    return { wrong: "must not have a query or fragment" };
  return { url: url.href.replace(/\/+$/, ""), loopback };
}

/** Whether a text names a time zone that this platform knows. */
export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
