import { type CellPlan, type CellResult, runCells } from "./cells.ts";
import { contenderNames, openField } from "./contenders.ts";
import { measureFsync } from "./disk.ts";
import { canPin } from "./processes.ts";
import { renderCells, renderMachine, writeSection } from "./report.ts";

export interface CompareOptions {
  readonly folder: string;
  readonly quick: boolean;
  readonly write: boolean;
  readonly unpinned: boolean;
  /** Null: five, or one when quick. */
  readonly rounds: number | null;
}

const loads = [1, 64];
const writes: readonly CellPlan[] = loads.flatMap((connections) =>
  contenderNames.map((contender) => ({ contender, kind: "write" as const, connections })),
);
const reads: readonly CellPlan[] = loads.flatMap((connections) =>
  (["plain", "sallyport"] as const).map((contender) => ({ contender, kind: "read" as const, connections })),
);

/** Compares the contenders and prints the tables. Answers the exit code: 1 when any answer was wrong. */
export async function compare({ folder, quick, write, unpinned, rounds: asked }: CompareOptions): Promise<number> {
  const rounds = asked ?? (quick ? 1 : 5);
  const pinned = canPin && !unpinned;
  const field = await openField({ parentFolder: folder, pinned, runs: quick ? 400 : 6000 });
  // The compiler needs some ten thousand calls before it has done with Sallyport's code; a second of plain's are as many.
  const times = { rounds, cellMs: quick ? 500 : 3000, warmUpMs: quick ? 150 : 6000 };
  const cells = await runCells(field, quick ? writes : [...writes, ...reads], times);
  await field.close();
  const told = `medians over ${rounds} rounds of ${times.cellMs / 1000} s per cell, interleaved`;
  const text = renderAll(cells, renderMachine(pinned, told, measureFsync(folder, quick ? 20 : 400)));
  process.stdout.write(`${text}\n`);
  const wrong = cells.filter((cell) => cell.errors > 0);
  for (const { contender, connections, firstError } of wrong)
    process.stderr.write(`${contender} at ${connections}: wrong answers, the first: ${firstError}\n`);
  if (wrong.length > 0) return 1;
  if (write) writeSection("comparison", text);
  return 0;
}

function renderAll(cells: readonly CellResult[], machine: string): string {
  const of = (kind: CellPlan["kind"]): readonly CellResult[] => cells.filter((cell) => cell.kind === kind);
  const read = of("read").length === 0 ? [] : ["", "Reads (a GET of one note):", "", renderCells(of("read"))];
  return [machine, "", "Writes (a POST of 200 bytes of JSON):", "", renderCells(of("write")), ...read].join("\n");
}
