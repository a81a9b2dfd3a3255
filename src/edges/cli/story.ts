import { shellQuote } from "./show.ts";

/** One command of the story. `expect` are pieces of what it prints, in the order in which they are told. */
interface Step {
  readonly command: string;
  readonly expect: readonly string[];
}

interface Chapter {
  readonly told: string;
  readonly steps: readonly Step[];
}

const smallRefund = "bin/sallyport call payments.refund charge=ch_1001 amount=500 --key story-small";
const largeRefund = "bin/sallyport call payments.refund charge=ch_1002 amount=50000 --key story-large";
const lookup = "bin/sallyport call payments.lookup_charge charge=ch_1001";
const search = "bin/sallyport call tickets.search query=invoice --run r_story";

const executed = "200 executed";
const fromTheRecord = "200 executed, answered from the record (Sallyport-Replayed: true)";

/** What the demo tells, in order. test/e2e/story.test.ts takes the printed text and does it all. */
const chapters: readonly Chapter[] = [
  {
    told: "An agent of acme_co refunds a charge of another tenant. acme_co's account has no such charge, so the call is denied.",
    steps: [
      {
        command: "bin/sallyport call payments.refund charge=ch_2001 amount=500 --key story-foreign",
        expect: ["403 REFUSED ERR_PREVIEW_FAILED", "did not find the object"],
      },
    ],
  },
  {
    told: "Another agent ships a service whose change window is never open. The policy says so, and people cannot overrule it.",
    steps: [
      {
        command: "bin/sallyport call deploys.create service=ledger version=2.0.0 --as release-bot",
        expect: ["403 REFUSED ERR_POLICY_DENIED", "change_window.outside_change_window"],
      },
    ],
  },
  {
    told: "A reply to a customer carries a card number. It does not leave the house.",
    steps: [
      {
        command: "bin/sallyport call tickets.reply ticket=tk_3001 text='We refunded your card 4242 4242 4242 4242.'",
        expect: ["422 REFUSED ERR_OUTBOUND_REFUSED", "payment card number"],
      },
    ],
  },
  { told: "Looking up a charge is allowed.", steps: [{ command: lookup, expect: [executed, '"amount": 12000'] }] },
  {
    told: "So is a small refund, 5.00 USD: the contract lets the agent move up to 100.00 USD alone.",
    steps: [{ command: smallRefund, expect: [executed, '"amount": 500'] }],
  },
  {
    told: "500.00 USD is more than that: the call is held for finance, and nothing is sent.",
    steps: [{ command: largeRefund, expect: ["202 HELD", '"finance"'] }],
  },
  {
    told: "Somebody of finance sees what waits, and signs for exactly that call. It runs once.",
    steps: [
      { command: "bin/sallyport holds list", expect: ["payments.refund", "500.00 USD", "finance 0/1"] },
      { command: "bin/sallyport holds approve latest --reason 'the customer was charged twice'", expect: ["approved and executed once"] },
    ],
  },
  {
    told: "The agent sends the very same call again and gets the answer. No second refund.",
    steps: [{ command: largeRefund, expect: [fromTheRecord, '"amount": 50000'] }],
  },
  {
    told: "The small refund, sent again under its key, is the same call too.",
    steps: [{ command: smallRefund, expect: [fromTheRecord, '"amount": 500'] }],
  },
  {
    told: "A search costs 0.15 USD and a run may spend 0.40 USD. The third search is beyond the run's budget.",
    steps: [
      { command: search, expect: [executed, '"items"'] },
      { command: search, expect: [executed, '"items"'] },
      { command: search, expect: ["403 REFUSED ERR_BUDGET_EXHAUSTED", "budget/cost/run"] },
    ],
  },
  {
    told: "An operator halts the agent, and later lets it go on.",
    steps: [
      { command: "bin/sallyport stops set --agent billing-dispute-v3 --reason 'odd refunds'", expect: ["is in force"] },
      { command: lookup, expect: ["403 REFUSED ERR_STOPPED"] },
      { command: "bin/sallyport stops clear latest", expect: ["is cleared"] },
      { command: lookup, expect: [executed] },
    ],
  },
  {
    told: "An agent needs only HTTP: --curl prints any call as the request it is.",
    steps: [{ command: `${lookup} --curl | sh`, expect: ["HTTP/1.1 200 OK", '"id":"ch_1001"'] }],
  },
  {
    told: "All of it is in the ledger. An auditor checks the seals and the signed checkpoint.",
    steps: [{ command: "bin/sallyport ledger verify", expect: ["OK:", "covered by the signed checkpoint"] }],
  },
];

/** Prints the story: lines that begin with `$` are commands, `→` what they print, pieces divided by `·`. `dataDir` is null when it is the usual one. */
export function printStory(print: (line: string) => void, dataDir: string | null): void {
  print("");
  print("A story to try, in another terminal and in this folder. `$` is a command, `→` what its answer holds.");
  if (dataDir !== null) print(`There, first run: export SALLYPORT_DATA=${shellQuote(dataDir)}`);
  for (const [index, { told, steps }] of chapters.entries()) {
    print("");
    print(`${String(index + 1).padStart(2)}. ${told}`);
    for (const { command, expect } of steps) {
      print(`    $ ${command}`);
      print(`    → ${expect.join(" · ")}`);
    }
  }
  print("");
  print("`bin/sallyport --help` has the rest, docs/cli.md tells it on one page. Ctrl-C ends the demo; its next start begins afresh.");
}
