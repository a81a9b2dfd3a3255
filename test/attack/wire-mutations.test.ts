import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { TestGateway } from "../support/gateway.ts";
import { bodiesByMark, markedBody, markedRequest, sendAll, startShort, statusesOf } from "./wire-world.ts";

// INV-11: ways in which two servers in a row have come to see different requests in one stream of bytes. Each is written so that a server that is fooled reads
// the inner request as a second one. The gateway may refuse, or see one request; the inner one never runs.

let world: TestGateway;
let auth: string;
before(async () => {
  world = await startShort();
  auth = `Authorization: Bearer ${await world.agentToken()}`;
});
after(() => world.close());

type Mutation = (header: string) => string;
const te = "Transfer-Encoding: chunked";
const spaces: readonly string[] = [
  "\t",
  "\x0b",
  "\x0c",
  "\0",
  "\x01",
  "\x1f",
  "\x7f",
  "\x80",
  "\x85",
  "\xa0",
  "\xff",
  "\r",
  "\n",
  "\\",
  "/",
  "_",
  "-",
  "+",
];

/** How the header that frames the body is hidden from one of the two readers. */
const hidings: Readonly<Record<string, Mutation>> = {
  plain: (header) => header,
  twice: (header) => `${header}\r\n${header}`,
  "in capitals": (header) => header.toUpperCase(),
  "in mixed case": (header) => header.replace(/[a-z]/g, (letter, at: number) => (at % 2 === 0 ? letter.toUpperCase() : letter)),
  "with a space before the colon": (header) => header.replace(":", " :"),
  "with a tab before the colon": (header) => header.replace(":", "\t:"),
  "without a space": (header) => header.replace(": ", ":"),
  "with many spaces": (header) => header.replace(": ", `:${" ".repeat(50)}`),
  "with a tab": (header) => header.replace(": ", ":\t"),
  folded: (header) => header.replace(": ", ":\r\n "),
  "folded with a tab": (header) => header.replace(": ", ":\r\n\t"),
  "folded with a bare LF": (header) => header.replace(": ", ":\n "),
  "behind a space": (header) => ` ${header}`,
  "behind a tab": (header) => `\t${header}`,
  "behind a folded line": (header) => `X-A: b\r\n ${header}`,
  "behind a bare LF": (header) => `X-A: b\n${header}`,
  "behind a bare CR": (header) => `X-A: b\r${header}`,
  "behind two CRs": (header) => `X-A: b\r\r\n${header}`,
  "behind an empty name": (header) => `: x\r\n${header}`,
  "behind a line without a colon": (header) => `X-A\r\n${header}`,
  "in quotes": (header) => header.replace(/: (.*)$/, ': "$1"'),
  "in single quotes": (header) => header.replace(/: (.*)$/, ": '$1'"),
  "with a comma before": (header) => header.replace(": ", ": ,"),
  "with a comma behind": (header) => `${header},`,
  "with a semicolon behind": (header) => `${header};`,
  "with a parameter": (header) => `${header};q=1`,
  "with another value before": (header) => header.replace(": ", ": identity, "),
  "with another value behind": (header) => `${header}, identity`,
  "with another line behind": (header) => `${header}\r\n${header.replace(/: .*$/, ": identity")}`,
  "with another line before": (header) => `${header.replace(/: .*$/, ": identity")}\r\n${header}`,
  "with an empty line of its name before": (header) => `${header.replace(/: .*$/, ":")}\r\n${header}`,
  "with an underscore": (header) => header.replace("-", "_"),
  "with a dot": (header) => header.replace("-", "."),
  "named by Connection": (header) => `Connection: ${header.replace(/:.*$/, "")}\r\n${header}`,
  "with a prefix": (header) => `X-${header}`,
  "with a suffix": (header) => header.replace(":", "-X:"),
  ...Object.fromEntries(
    spaces.flatMap((mark) => {
      const name = `0x${mark.charCodeAt(0).toString(16)}`;
      return [
        [`with ${name} before the value`, (header: string) => header.replace(": ", `: ${mark}`)],
        [`with ${name} behind the value`, (header: string) => `${header}${mark}`],
        [`with ${name} in the name`, (header: string) => header.replace("-", `-${mark}`)],
        [`with ${name} before the colon`, (header: string) => header.replace(":", `${mark}:`)],
        [`with ${name} before the name`, (header: string) => `${mark}${header}`],
      ] as const;
    }),
  ),
};

const line = "POST /sallyport/v1/tools/tickets.create HTTP/1.1";
const request = (headers: readonly string[], body: string): string =>
  `${[line, "Host: gw", auth, "Content-Type: application/json", ...headers].join("\r\n")}\r\n\r\n${body}`;

/** The two old forms, and both without the other header, for each of which the hidden header decides where the request ends. */
const forms: Readonly<Record<string, (hide: Mutation, outer: string, inner: string) => string>> = {
  // One reader counts the length, the other one sees the end of the chunks.
  "CL.TE": (hide, outer, inner) => {
    const body = `${outer.length.toString(16)}\r\n${outer}\r\n0\r\n\r\n${inner}`;
    return request([`Content-Length: ${body.length}`, hide(te)], body);
  },
  "TE.CL": (hide, outer, inner) => {
    const body = `${(outer.length + inner.length).toString(16)}\r\n${outer}${inner}\r\n0\r\n\r\n`;
    return request([hide(te), `Content-Length: ${outer.length}`], body);
  },
  "TE.0": (hide, outer, inner) => request([hide(te)], `${outer.length.toString(16)}\r\n${outer}\r\n0\r\n\r\n${inner}`),
  "CL.0": (hide, outer, inner) => request([hide(`Content-Length: ${outer.length + inner.length}`)], outer + inner),
  "CL.CL": (hide, outer, inner) =>
    request([`Content-Length: ${outer.length + inner.length}`, hide(`Content-Length: ${outer.length}`)], outer + inner),
  "0.CL": (hide, outer, inner) =>
    `GET /tickets/v1/tickets/tk_3001 HTTP/1.1\r\nHost: gw\r\n${auth}\r\n${hide(`Content-Length: ${inner.length}`)}\r\n\r\n${inner}`.replace(
      "\0outer",
      outer,
    ),
};

/** Forms in which the inner bytes do stand behind a request whose end nobody could doubt, once the hidden header is taken for no header at all. */
const honestlyTwo = (form: string): boolean => form === "0.CL" || form === "TE.0" || form === "CL.0";

test("no mutation of a framing header smuggles a request in, and none is a fault", async (context) => {
  const cases = Object.entries(forms).flatMap(([form, make]) =>
    Object.entries(hidings).map(([hiding, hide]) => ({ form, hiding, make, hide })),
  );
  const bytes = cases.map(({ make, hide }, index) => make(hide, markedBody(`outer ${index}.`), markedRequest(`inner ${index}.`, auth)));
  const exchanges = await sendAll(world.gateway.agentsUrl, bytes);
  const bodies = bodiesByMark(world);
  const counts = { refused: 0, one: 0, apart: 0 };
  for (const [index, { form, hiding }] of cases.entries()) {
    const exchange = exchanges[index];
    assert.ok(exchange !== undefined);
    const told = `${form}, ${hiding}: ${JSON.stringify(exchange)}`;
    const statuses = statusesOf(exchange);
    assert.ok(exchange.closed, told);
    assert.ok(statuses.length > 0 && statuses.every((status) => status < 500), told);
    const [outer = [], inner = []] = [bodies.get(`outer ${index}.`), bodies.get(`inner ${index}.`)];
    assert.ok(outer.length + inner.length <= statuses.filter((status) => status === 200).length, told);
    if (outer.length > 0) assert.deepEqual(outer, [markedBody(`outer ${index}.`)], told);
    if (inner.length > 0) {
      // A header under another name is none: then the request had no body, and what follows is a request for every reader.
      assert.ok(honestlyTwo(form) && /prefix|suffix/.test(hiding), told);
      counts.apart += 1;
    } else if (outer.length > 0) counts.one += 1;
    else counts.refused += 1;
  }
  context.diagnostic(
    `${cases.length} requests: ${Object.keys(forms).length} forms x ${Object.keys(hidings).length} mutations; ${JSON.stringify(counts)}`,
  );
  assert.ok(Object.keys(hidings).length >= 36 && cases.length >= 400);
  assert.ok(counts.refused > 300);
});
