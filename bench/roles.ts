/** The processes of a bench, by the name that `bench/index.ts --role` takes. Each gets the words that follow. */
export const roles: Readonly<Record<string, (...words: string[]) => Promise<void>>> = {
  drive: async () => (await import("./drive.ts")).drive(),
  upstream: async () => (await import("./serve-upstream.ts")).serveUpstream(),
  "http-proxy": async (upstreamUrl = "") => (await import("./serve-proxies.ts")).serveHttpProxy(upstreamUrl),
  plain: async (upstreamUrl = "") => (await import("./serve-proxies.ts")).servePlain(upstreamUrl),
  sallyport: async (upstreamUrl = "", folder = "") => (await import("./serve-sallyport.ts")).serveSallyport(upstreamUrl, folder),
};
