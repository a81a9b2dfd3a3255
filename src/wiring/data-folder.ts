import { join } from "node:path";

/** Where everything in the data folder is. */
export function placesIn(dataDir: string) {
  return {
    store: join(dataDir, "sallyport.db"),
    checkpoints: join(dataDir, "checkpoints"),
    checkpointKey: join(dataDir, "ledger.key"),
    payloadKey: join(dataDir, "payloads.key"),
    runKey: join(dataDir, "runs.key"),
    payloadKeys: join(dataDir, "keys"),
  } as const;
}

/** Names the log and its key in every checkpoint. */
export const ledgerName = "sallyport/ledger";
