import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CommandFailed } from "../../../src/edges/cli/failure.ts";
import { readCallArguments } from "../../../src/edges/cli/read-arguments.ts";
import type { JsonObject } from "../../../src/rules/json.ts";

const schema: JsonObject = {
  type: "object",
  properties: {
    charge: { type: "string" },
    amount: { type: "integer" },
    rate: { type: "number" },
    urgent: { type: "boolean" },
    tags: { type: "array" },
  },
};

const read: readonly (readonly [readonly string[], JsonObject])[] = [
  [["charge=ch_1"], { charge: "ch_1" }],
  [["charge=1"], { charge: "1" }],
  [["charge="], { charge: "" }],
  [["charge=a=b"], { charge: "a=b" }],
  [["amount=500"], { amount: 500 }],
  [["amount=-5"], { amount: -5 }],
  [["rate=0.25"], { rate: 0.25 }],
  [["rate=0.10"], { rate: 0.1 }],
  [["amount=-0"], { amount: "-0" }],
  [["urgent=true"], { urgent: true }],
  [["urgent=false"], { urgent: false }],
  [['tags=["a","b"]'], { tags: ["a", "b"] }],
  // What is not of its type goes as it stands, so that the gateway refuses it and says why.
  [["amount=05"], { amount: "05" }],
  [["amount=1e3"], { amount: "1e3" }],
  [["amount=0x10"], { amount: "0x10" }],
  [["amount= 5"], { amount: " 5" }],
  [["amount=NaN"], { amount: "NaN" }],
  [["urgent=yes"], { urgent: "yes" }],
  [["other=5"], { other: "5" }],
];

const refused: readonly (readonly [readonly string[], string | undefined])[] = [
  [["ch_1"], undefined],
  [["=ch_1"], undefined],
  [["charge=1", "charge=2"], undefined],
  [["tags=[a"], undefined],
  [["charge=1"], "{}"],
  [[], "[]"],
  [[], "null"],
  [[], "{"],
  [[], '"charge"'],
];

describe("arguments typed on a command line", () => {
  for (const [words, args] of read)
    it(`${words.join(" ")} is ${JSON.stringify(args)}`, () => assert.deepEqual(readCallArguments(words, undefined, schema), args));

  for (const [words, args] of refused) {
    it(`${words.join(" ")} ${args ?? ""} makes no sense`, () => {
      assert.throws(
        () => readCallArguments(words, args, schema),
        (error) => error instanceof CommandFailed && error.exitCode === 2,
      );
    });
  }

  it("an integer that a double cannot hold is sent as typed, never as another number", () => {
    assert.deepEqual(readCallArguments(["amount=9007199254740993"], undefined, schema), { amount: "9007199254740993" });
  });

  it("are texts when the tool is not known", () => assert.deepEqual(readCallArguments(["amount=5"], undefined, null), { amount: "5" }));

  it("may be one JSON object", () => assert.deepEqual(readCallArguments([], '{"amount":5}', schema), { amount: 5 }));

  it("a key that names no own property is only a key", () => {
    assert.deepEqual(Object.entries(readCallArguments(["constructor=1"], undefined, schema)), [["constructor", "1"]]);
  });
});
