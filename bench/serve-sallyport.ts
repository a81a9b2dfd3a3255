import { join } from "node:path";
import { openGateway } from "../src/wiring/sqlite.ts";
import { serveContender } from "./serve-contender.ts";

/** Sallyport with everything on. */
export async function serveSallyport(upstreamUrl: string, folder: string): Promise<void> {
  const gateway = await openGateway({
    configFile: join(folder, "gateway.yaml"),
    dev: true,
    dataDir: join(folder, "data"),
    agentsPort: 0,
    peoplePort: 0,
    upstreams: { notes: upstreamUrl },
    logLevel: "error",
  });
  serveContender({
    port: Number(new URL(gateway.agentsUrl).port),
    finish: () => Promise.resolve(),
    close: () => gateway.close(),
  });
}
