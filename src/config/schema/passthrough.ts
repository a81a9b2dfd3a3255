import { absentable, byName, fields, names, oneOf, quantity, text } from "./kinds.ts";

const perMillion = (description: string, example: string) =>
  quantity("decimal", { description, unit: "US dollars for a million tokens", example });

const pointer = (description: string, example: string) => absentable(text({ description, unit: "JSON pointer", example }, names.pointer));

const price = fields(
  {
    input: perMillion("Input tokens.", "2.50"),
    output: perMillion("Output tokens.", "10.00"),
    cached_input: absentable(perMillion("Input tokens that the vendor had in its cache. Absent: as `input`.", "1.25")),
    cache_write: absentable(
      perMillion("Input tokens that the vendor put into its cache. Absent: twice `input`, which no vendor goes beyond.", "3.75"),
    ),
  },
  { description: "What a model's tokens cost.", example: { input: "2.50", output: "10.00" } },
);

/** The keys that only tools of a passthrough mount may have. */
export const passFields = {
  stream_idle_timeout: absentable(
    quantity(
      "duration",
      { description: "Only on a passthrough mount: longest silence within an answer. Absent: 60s.", example: "20s" },
      { min: "100ms", max: "600s" },
    ),
  ),
  stream_timeout: absentable(
    quantity(
      "duration",
      { description: "Only on a passthrough mount: longest time from an answer's beginning to its end. Absent: 10m.", example: "2m" },
      { min: "100ms", max: "24h" },
    ),
  ),
  on_stop: absentable(
    oneOf(
      {
        description: "Only on a passthrough mount: what a stop does with an answer on its way. Absent: `cancel`, within a second.",
        example: "finish",
      },
      ["cancel", "finish"],
    ),
  ),
  usage: absentable(
    fields(
      {
        format: absentable(
          oneOf({ description: "A vendor's own way: in its JSON answers and in its event streams.", example: "openai" }, [
            "openai",
            "anthropic",
          ]),
        ),
        input: pointer("Instead of `format`: where the input tokens stand in the answer, or in one of its events.", "/usage/prompt_tokens"),
        output: pointer("Instead of `format`: where the output tokens stand.", "/usage/completion_tokens"),
        cached_input: pointer("Where the part of the input stands that the vendor had in its cache. Absent: none.", "/usage/cached_tokens"),
        model: pointer("Where the model's name stands. Absent: only a price for `*` fits.", "/model"),
      },
      {
        description: "Only on a passthrough mount: where the answer tells the tokens of a model that it took. Absent: nowhere.",
        example: { format: "openai" },
      },
    ),
  ),
  prices: absentable(
    byName(
      {
        key: "model",
        description:
          "Only with `usage`: prices by model, as the answer names it; a name may end in `*`, and the longest that fits counts. Usage that cannot be read or priced counts as `price.usd`.",
        example: { "gpt-*": { input: "2.50", output: "10.00" } },
      },
      names.model,
      price,
    ),
  ),
};
