import { join } from "node:path";
import { openGateway } from "../src/wiring/sqlite.ts";
import { serveContender } from "./serve-contender.ts";

/** Sallyport with everything on. `finish` seals the ledger, so that the evidence is paid for by the calls that it is about. */
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
    finish: async () => {
      while ((await gateway.ports.ledger.seal(5000)).sealed > 0);
    },
    close: () => gateway.close(),
  });
}
