import { type BadConfig, row } from "./bad-config.ts";

const pay = "routes/pay.yaml";
const desk = "routes/desk.yaml";
const mount = "mount: { path: /desk }";

/** Mounts, token places and limits with one mistake each. */
export const badMounts: readonly BadConfig[] = [
  { ...row("a mount that is nowhere", desk, mount, "mount: {}", "mount must name a path, a port or a host"), at: "mount:" },
  row("a mount on the agents' port", desk, mount, "mount: { port: ⟦8080 }", "mount.port is the port of a listener of gateway.yaml"),
  row("a mount on the people's port", desk, mount, "mount: { path: /x, port: ⟦9090 }", "mount.port is the port of a listener"),
  row("a port beyond all", desk, mount, "mount: { port: ⟦65536 }", "mount.port must be"),
  row("a host with a port", desk, mount, "mount: { host: ⟦'desk.example:80' }", "mount.host must be a host name in lower case"),
  row("a host in capitals", desk, mount, "mount: { host: ⟦Desk.example }", "mount.host must be a host name in lower case"),
  row("a host with a wildcard", desk, mount, "mount: { host: ⟦'*.example' }", "mount.host must be a host name in lower case"),
  row(
    "a path of our own on a mount by port",
    desk,
    "mount: { path: /desk }\ntools:\n  desk.reply:\n    match: POST /v1/tickets/{ticket}/replies",
    "mount: { port: 8081 }\ntools:\n  desk.reply:\n    match: ⟦POST /sallyport/tickets/{ticket}/replies",
    'tools["desk.reply"].match must not start with /sallyport on a mount without a path',
  ),
  row(
    "a parameter that could be a path of our own",
    desk,
    "mount: { path: /desk }\ntools:\n  desk.reply:\n    match: POST /v1/tickets/{ticket}/replies",
    "mount: { port: 8081 }\ntools:\n  desk.reply:\n    match: ⟦POST /{ticket}/replies",
    'tools["desk.reply"].match must not start with a parameter on a mount without a path',
  ),
  row(
    "a token in two places",
    desk,
    mount,
    `${mount}\nagent_token: ⟦{ header: x-api-key, basic: password }`,
    "agent_token must be exactly one",
  ),
  row("a token in no place", desk, mount, `${mount}\nagent_token: ⟦{}`, "agent_token must be exactly one of header and basic"),
  row("a token in another word", desk, mount, `${mount}\nagent_token: ⟦cookie`, "agent_token"),
  row(
    "a bare token in Authorization",
    desk,
    mount,
    `${mount}\nagent_token: { header: ⟦Authorization }`,
    "agent_token.header is a header with a use",
  ),
  row(
    "a token in the connection's header",
    desk,
    mount,
    `${mount}\nagent_token: { header: ⟦Cookie }`,
    "agent_token.header is a header that the gateway",
  ),
  row(
    "a declared header that carries the token",
    pay,
    "headers: { Pay-Version: {} }",
    "agent_token: { header: pay-version }\nheaders: { ⟦Pay-Version: {} }",
    "headers.Pay-Version carries the agent's token on this mount",
  ),
  row("a dialect that nobody speaks", desk, mount, `${mount}\nerrors: ⟦twilio`, "errors must be one of problem, stripe"),
  row(
    "a key pattern that begins anywhere",
    desk,
    mount,
    `${mount}\nclient_key_pattern: ⟦retry-`,
    "client_key_pattern must be a pattern that begins",
  ),
  row("a key pattern for every key", desk, mount, `${mount}\nclient_key_pattern: ⟦"^"`, "client_key_pattern must not match every key"),
  row("a key pattern that is none", desk, mount, `${mount}\nclient_key_pattern: ⟦"^("`, "client_key_pattern is no regular expression"),
  row(
    "a key pattern that takes minutes",
    desk,
    mount,
    `${mount}\nclient_key_pattern: ⟦"^(a+)+$"`,
    "client_key_pattern repeats a repetition",
  ),
  row("items that are not counted", desk, mount, `${mount}\nlimits: { items: ⟦{ pointer: /data } }`, "limits.items.max is required"),
  row(
    "items at no pointer",
    desk,
    mount,
    `${mount}\nlimits: { items: { pointer: ⟦data, max: 3 } }`,
    "limits.items.pointer must be a JSON pointer",
  ),
];
