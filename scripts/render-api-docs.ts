import { openApiPath, openRoutes } from "../src/edges/admin/openapi.ts";
import { peopleRoutes } from "../src/edges/admin/people-routes.ts";
import { agentRoutes } from "../src/edges/http/agent-routes.ts";
import type { Operation } from "../src/edges/listener/openapi.ts";

interface Row {
  readonly method: string | readonly string[];
  readonly url: string;
  /** Whose token it takes. */
  readonly who: string;
  readonly operation: Operation;
}

const intro = `# The HTTP API

Made from the routes by \`npm run generate\`; do not edit it. Each listener describes what is its own as OpenAPI 3.1, with every parameter, body, answer, header and refusal, to anybody who asks:

\`\`\`
curl -s http://127.0.0.1:8080${openApiPath}
curl -s http://127.0.0.1:9090${openApiPath}
\`\`\`

The tools' own paths are not in it: they are their vendors' APIs, as far as the [route files](routes.md) name them. A tool's input and output schemas are in \`GET /sallyport/v1/tools\`, for
each agent its own.

Every refusal is JSON with a stable \`code\` ([errors.md](errors.md)). A request's body is one strict JSON object: a member that a schema does not name is refused, and so is a query parameter wherever a token is needed.
Answers may get more members in a later version. A method that a resource does not know is 405 with \`Allow\`.
`;

/** The page of both listeners' routes, in Markdown. */
export function renderApiDocs(): string {
  const agents = agentRoutes.flatMap(({ operation, ...route }) =>
    operation === undefined ? [] : [{ ...route, operation, who: route.public === true ? "anybody" : "an agent" }],
  );
  const people: readonly Row[] = [
    ...openRoutes.map((route) => ({ ...route, who: "anybody" })),
    ...peopleRoutes.map((route) => ({ ...route, who: [...route.roles, "admin"].join(", ") })),
  ];
  return `${intro}${renderTable("The agents' listener", agents)}${renderTable("The people's listener", people)}`;
}

function renderTable(title: string, rows: readonly Row[]): string {
  const lines = rows.flatMap(({ method, url, who, operation: { id, summary } }) =>
    [method].flat().map((one) => `| \`${one} ${url}\` | ${who} | ${summary} | \`${id}\` |\n`),
  );
  return `\n## ${title}\n\n| route | for | what | operation |\n| --- | --- | --- | --- |\n${lines.join("")}`;
}
