import { type BadConfig, row } from "./bad-config.ts";

const pay = "routes/pay.yaml";
const refund = `    body: json
    input:
      type: object
      required: [charge, amount]
      additionalProperties: false
      properties:
        charge: { type: string }
        amount: { type: integer, minimum: 1 }
        note: { type: string }
`;
const lookup = "expand: { type: boolean } } }\n";
const at = 'tools["pay.refund"].input.properties';

/** The refund as a form tool with one more argument, whose YAML is given with its mark. */
const form = (title: string, extra: string, says: string, problems = 1): BadConfig =>
  row(title, pay, refund, `${refund.replace("json", "form")}        ${extra}\n`, says, problems);

const told = "and a form cannot say which";

/** Bodies, queries and places with one mistake each. */
export const badBodies: readonly BadConfig[] = [
  row("an unknown body", pay, "body: json", "body: ⟦xml", 'tools["pay.refund"].body must be one of json, form, none'),
  row(
    "an unknown query style",
    pay,
    "body: json",
    "body: json\n    query: ⟦deep",
    'tools["pay.refund"].query must be one of flat, brackets',
  ),
  row(
    "a query style without a query",
    pay,
    "body: json",
    "body: json\n    query: ⟦brackets",
    'tools["pay.refund"].query is brackets, and no argument',
  ),
  row(
    "a form body for GET",
    pay,
    lookup,
    `${lookup}    body: ⟦form\n`,
    'tools["pay.lookup"].body must be none: GET carries its arguments in the query',
  ),
  row(
    "a body that is none with a form in it",
    pay,
    "body: json",
    "body: ⟦none",
    'tools["pay.refund"].body is none, and arguments of POST travel',
  ),
  form("a form argument without a type", "⟦extra: {}", `${at}.extra must say a type, since a form has texts only`),
  form("a form argument that is anything", "⟦extra: true", `${at}.extra must say a type`),
  form("a form argument that only has a pattern", '⟦extra: { pattern: "^a" }', `${at}.extra must say a type`, 2),
  form("a text or a number in a form", "⟦extra: { type: [string, integer] }", `${at}.extra may be a string or integer, ${told}`),
  form(
    "a text or a truth in a form",
    "⟦extra: { anyOf: [{ type: boolean }, { type: string }] }",
    `${at}.extra may be a string or boolean, ${told}`,
  ),
  form(
    "a listed text that is a number",
    '⟦extra: { anyOf: [{ type: integer }, { enum: ["5"] }] }',
    `${at}.extra lists the text "5", which also reads as integer`,
  ),
  form("a list of anything in a form", "extra: ⟦{ type: array }", `${at}.extra.items must say a type`),
  form("a map of anything in a form", "⟦extra: { type: object }", `${at}.extra must say what undeclared keys are: additionalProperties`),
  form(
    "a map or a list in a form",
    "⟦extra: { anyOf: [{ type: array, items: { type: string } }, { type: object, additionalProperties: { type: string } }] }",
    `${at}.extra may be a map or a list`,
  ),
  form(
    "a type in two places in a form",
    "⟦extra: { type: string, allOf: [{ type: string }] }",
    `${at}.extra says its type in more than one place`,
  ),
  form(
    "two maps that disagree in a form",
    "extra: { anyOf: [{ type: object, additionalProperties: false, properties: { a: { type: string } } }, { type: object, additionalProperties: false, properties: { ⟦a: { type: integer } } }] }",
    `${at}.extra.anyOf[1].properties.a is declared in another way by an alternative, ${told}`,
  ),
  form(
    "a list by position in a form",
    "extra: { type: array, ⟦prefixItems: [{ type: string }], minItems: 1, maxItems: 1, items: { type: string } }",
    `${at}.extra.prefixItems is not supported where a form is read`,
  ),
  form(
    "a map by patterns in a form",
    'extra: { type: object, additionalProperties: false, ⟦patternProperties: { "^a": { type: string } } }',
    `${at}.extra.patternProperties is not supported`,
  ),
  form("a reference that nobody can decode", '⟦extra: { $ref: "#/%zz" }', `${at}.extra must say a type`, 2),
  form(
    "a deep type that nobody says",
    "extra: { type: array, items: { type: object, additionalProperties: false, properties: { ⟦x: {} } } }",
    `${at}.extra.items.properties.x must say a type`,
  ),
  form(
    "a key with brackets in a form",
    'extra: { type: object, additionalProperties: false, properties: { ⟦"a[b]": { type: string } } }',
    `${at}.extra.properties["a[b]"] has a name that a form cannot carry`,
  ),
  form(
    "a key that is an index in a form",
    'extra: { type: object, additionalProperties: false, properties: { ⟦"0": { type: string } } }',
    `${at}.extra.properties["0"] has a name that a form cannot carry`,
  ),
  form("an argument with brackets in a form", '⟦"a[]": { type: string }', `${at}["a[]"] has a name that a form cannot carry`),
  {
    ...row(
      "a list of anything in a bracketed query",
      pay,
      lookup,
      "expand: { type: array } } }\n    query: brackets\n",
      'tools["pay.lookup"].input.properties.expand.items must say a type',
    ),
    at: "{ type: array }",
  },
  row(
    "a place for no argument",
    pay,
    "body: json",
    "body: json\n    in: { ⟦not: query }",
    'tools["pay.refund"].in.not names an argument that input does not declare; did you mean note?',
  ),
  row(
    "a place for a path parameter",
    pay,
    lookup,
    `${lookup}    in: { ⟦charge: query }\n`,
    'tools["pay.lookup"].in.charge is a path parameter, which the template places',
  ),
  row(
    "a place that is the path",
    pay,
    "body: json",
    "body: json\n    in: { note: ⟦path }",
    'tools["pay.refund"].in.note must be one of query, body',
  ),
  row(
    "a body on GET",
    pay,
    lookup,
    `${lookup}    body: json\n    in: { expand: ⟦body }\n`,
    'tools["pay.lookup"].in.expand must be query: a GET has no body',
  ),
  {
    ...row(
      "a map in a flat query",
      pay,
      refund,
      `${refund}        extra: { type: object, additionalProperties: { type: string } }\n    in: { extra: query }\n`,
      `${at}.extra.type must be one of string, integer, number, boolean, since it travels in the query`,
    ),
    at: "object, additionalProperties: { type",
  },
];
