// A process of its own that writes calls until somebody ends it, and tells each one that was acknowledged.
import { writeSync } from "node:fs";
import type { FaultPoint } from "../../src/ports/faults.ts";
import { admitOf, reservationOf } from "./requests.ts";
import { openFile } from "./sqlite-files.ts";

const [file = "", point = "", after = "0", prefix = "c"] = process.argv.slice(2);
const store = await openFile(file, { killAt: point === "" ? null : { point: point as FaultPoint, after: Number(after) } });
let next = 0;

/** Written when it returns: a pipe that is full for the moment is tried again. */
function tell(line: string): void {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}

async function writeOn(): Promise<never> {
  for (;;) {
    next += 1;
    const id = `${prefix}_${next}`;
    tell(`asked ${id}\n`);
    const { kind } = await store.calls.admit(admitOf({ call: { id }, reservations: [reservationOf("a", 1, 1_000_000_000)] }));
    tell(`${kind} ${id}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, writeOn));
