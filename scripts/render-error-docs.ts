import type { Refusal } from "../src/control/refusal.ts";
import { type Code, codeRow, codes } from "../src/rules/codes.ts";

export interface GroupedCode {
  /** Where in a call's path the code arises, as the table's source says it. */
  readonly group: string;
  readonly code: string;
}

const intro = `# Errors

Generated from the tables of \`src/rules/codes.ts\` by \`npm run generate\`; edit them there.

Every answer that is not the upstream's own is an RFC 9457 problem document with one of these codes. A code is public API and never changes
its meaning; titles and advice may.

| field | means |
| --- | --- |
| \`executed\` | whether the upstream acted: \`false\` = nothing was sent, \`true\` = it acted, \`"unknown"\` = something may have been sent |
| \`retryable\` | whether the same call may succeed later without a change by the caller |
`;

/** What the people's listener answers beside the codes of tokens; the compiler keeps the names, `test/docs.test.ts` the statuses. */
export const refusals: Readonly<Record<Refusal["refused"], { readonly status: number; readonly title: string; readonly advice: string }>> =
  {
    ERR_ROLE: {
      status: 403,
      title: "the person lacks the role or group for this",
      advice: "Ask somebody who has the role that the message names.",
    },
    ERR_NOT_FOUND: { status: 404, title: "nothing that this person may see has this id", advice: "Check the id." },
    ERR_CONFLICT: {
      status: 409,
      title: "it is no longer in a state that allows this",
      advice: "Look at it again; somebody or time was faster.",
    },
    ERR_INVALID: { status: 400, title: "the request is not what this verb takes", advice: "Correct what the message names." },
  };

/** The reference page of all codes, in Markdown, in the order given. Throws when a code of the table is missing, stands twice or has no group. */
export function renderErrorDocs(grouped: readonly GroupedCode[]): string {
  const named = grouped.map(({ code }) => code);
  if (named.length !== Object.keys(codes).length || !named.every(isCode) || new Set(named).size !== named.length)
    throw new Error(`the source names ${named.length} codes and the table has ${Object.keys(codes).length}`);
  const groups = Map.groupBy(grouped, ({ group }) => group);
  if (groups.has("")) throw new Error("a code stands above the first group");
  return intro + [...groups].map(([group, rows]) => renderGroup(group, rows)).join("") + renderRefusals();
}

function renderRefusals(): string {
  const head = "| code | status | meaning | what to do |\n| --- | --- | --- | --- |";
  const rows = Object.entries(refusals).map(([code, { status, title, advice }]) => `| \`${code}\` | ${status} | ${title} | ${advice} |\n`);
  const about = "People get `{ code, message }`. Their tokens are refused with the codes above.";
  return `\n## The people's listener\n\n${about}\n\n${head}\n${rows.join("")}`;
}

function renderGroup(group: string, rows: readonly GroupedCode[]): string {
  const title = group.charAt(0).toUpperCase() + group.slice(1);
  const head = "| code | status | executed | retryable | meaning | what to do |\n| --- | --- | --- | --- | --- | --- |";
  return `\n## ${title}\n\n${head}\n${rows.map(({ code }) => renderRow(code)).join("")}`;
}

function renderRow(code: string): string {
  if (!isCode(code)) return "";
  const { status, executed, retryable, title, advice } = codeRow(code);
  return `| \`${code}\` | ${status} | ${executed} | ${retryable ? "yes" : "no"} | ${cell(title)} | ${cell(advice)} |\n`;
}

function isCode(name: string): name is Code {
  return Object.hasOwn(codes, name);
}

// A bar would end the cell.
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
