import { fileURLToPath } from "node:url";
import type { Seen } from "./cases.ts";

/** The page that has the table. */
export const pageFile = fileURLToPath(new URL("../../docs/agents.md", import.meta.url));

export interface TableRow {
  readonly sdk: string;
  readonly title: string;
  readonly seen: Seen;
}

const begin = "<!-- sdk table: made by test/sdk/matrix.test.ts -->";
const end = "<!-- end of sdk table -->";

/** As much of a message as tells whether anything was executed and why. */
const messageMax = 75;

/**
 * The page with these plays in its table: a row for each case, a column for each SDK. An SDK that was not run keeps what its column says. Throws when SDKs
 * differ in what the table tells once for all: requests and effects.
 */
export function withTable(page: string, sdks: readonly string[], plays: readonly TableRow[]): string {
  const old = readCells(page);
  const titles = [...new Set(plays.map(({ title }) => title))];
  const lines = titles.map((title) => {
    const here = plays.filter((play) => play.title === title);
    const outcomes = sdks.map((sdk) => {
      const play = here.find((one) => one.sdk === sdk);
      return play === undefined ? (old.get(title)?.get(sdk) ?? "not run") : outcomeOf(play.seen);
    });
    const requests = single(title, here, ({ seen }) => seen.requests);
    const effects = single(title, here, ({ seen }) => seen.effects);
    return rowOf([title, ...outcomes, says(here), requests, effects]);
  });
  const head = ["the call is", ...sdks.map((sdk) => `\`${sdk}\``), "and says", "requests", "effects"];
  const table = [rowOf(head), rowOf(head.map(() => "---")), ...lines];
  return page.replace(new RegExp(`${begin}.*${end}`, "s"), () => [begin, ...table, end].join("\n"));
}

/** The table's lines. */
export function readTable(page: string): readonly string[] {
  const at = page.indexOf(begin);
  const block = at < 0 ? "" : page.slice(at, page.indexOf(end));
  return block.split("\n").filter((line) => line.startsWith("| "));
}

function readCells(page: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const [head = [], , ...rows] = readTable(page).map((line) => line.slice(2, -2).split(" | "));
  return new Map(
    rows.map((cells) => [cells[0] ?? "", new Map(cells.map((cell, index) => [(head[index] ?? "").replaceAll("`", ""), cell]))]),
  );
}

const rowOf = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function single(title: string, plays: readonly TableRow[], of: (play: TableRow) => number): string {
  const values = [...new Set(plays.map(of))];
  if (values.length !== 1) throw new Error(`the SDKs differ on ${JSON.stringify(title)}: ${values.join(", ")}`);
  return String(values[0]);
}

function outcomeOf({ told }: Seen): string {
  return "id" in told ? "resolves" : `\`${told.thrown}\``;
}

/** What the first SDK's exception says, without what differs from run to run and from agent to agent. */
function says(plays: readonly TableRow[]): string {
  const told = plays[0]?.seen.told;
  if (told === undefined || "id" in told) return "";
  const steady = told.message
    .replace(/^[0-9]{3} /, "")
    .replace(/\bc_[0-9a-z]+\b/gi, "c_…")
    .replace(/until [0-9TZ:.-]+/, "until …")
    .replaceAll("|", "/");
  return steady.length <= messageMax ? steady : `${steady.slice(0, messageMax).trimEnd()} …`;
}
