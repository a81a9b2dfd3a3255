import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tool } from "../../src/rules/catalogue.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { modelName, mountAt, mountOf as mountOfTool, routeByName, routeByPath } from "../../src/rules/routing.ts";
import { catalogueOf, mountOf, toolOf } from "./catalogue-samples.ts";

const charge = { parameter: "charge" };
const tool = (name: string, method: Tool["method"], ...template: Tool["template"]): Tool =>
  toolOf({ name, method, template, upstream: name.split(".")[0] ?? "" });
const payments = [
  tool("payments.lookup", "GET", "v1", "charges", charge),
  tool("payments.search", "GET", "v1", "charges", "search"),
  tool("payments.refund", "POST", "v1", "refunds"),
  tool("payments.capture", "POST", "v1", "charges", charge, "capture"),
  tool("payments.any", "POST", "v1", { parameter: "kind" }, { parameter: "id" }, "capture"),
];
const inner = [tool("inner.ping", "GET")];
const tools = [...payments, ...inner];
const catalogue = catalogueOf({
  tools: new Map(tools.map((one) => [one.name, one])),
  mounts: [mountOf(["payments"], payments, "payments"), mountOf(["a", "b"], inner, "inner")],
});

const found: readonly (readonly [string, string, string, Readonly<Record<string, string>>])[] = [
  ["GET", "payments/v1/charges/ch_1", "payments.lookup", { charge: "ch_1" }],
  ["GET", "payments/v1/charges/search", "payments.search", {}],
  ["GET", "payments/v1/charges/SEARCH", "payments.lookup", { charge: "SEARCH" }],
  ["GET", "payments/v1/charges/__proto__", "payments.lookup", { charge: "__proto__" }],
  ["POST", "payments/v1/refunds", "payments.refund", {}],
  ["POST", "payments/v1/charges/ch_1/capture", "payments.capture", { charge: "ch_1" }],
  ["POST", "payments/v1/orders/o_1/capture", "payments.any", { kind: "orders", id: "o_1" }],
  ["GET", "a/b", "inner.ping", {}],
];

test("method and whole segments find the tool, literal ones before parameters", () => {
  for (const [method, path, name, pathParameters] of found) {
    const route = routeByPath(catalogue, method, { port: null, host: null, segments: path.split("/") });
    assert.ok(!isDenial(route), path);
    assert.equal(route.tool.name, name, path);
    assert.deepEqual(route.pathParameters, pathParameters, path);
  }
  assert.equal(found.length, 8);
});

const lost: readonly (readonly [string, readonly string[]])[] = [
  ["GET", []],
  ["GET", [""]],
  ["GET", ["payments"]],
  ["GET", ["payments", "v1"]],
  ["GET", ["payments", "v1", "charges"]],
  ["GET", ["payments", "v1", "charges", "ch_1", "x"]],
  ["GET", ["payments", "v1", "charges", "ch_1", ""]],
  ["GET", ["", "payments", "v1", "charges", "ch_1"]],
  ["get", ["payments", "v1", "charges", "ch_1"]],
  ["HEAD", ["payments", "v1", "charges", "ch_1"]],
  ["DELETE", ["payments", "v1", "charges", "ch_1"]],
  ["POST", ["payments", "v1", "charges", "ch_1"]],
  ["GET", ["payments", "v1", "refunds"]],
  ["POST", ["Payments", "v1", "refunds"]],
  ["POST", ["payments2", "v1", "refunds"]],
  ["POST", ["payment", "v1", "refunds"]],
  ["POST", ["payments/v1", "refunds"]],
  ["POST", ["payments", "v1", "refunds/"]],
  ["POST", ["payments", "V1", "refunds"]],
  ["POST", ["v1", "refunds"]],
  ["GET", ["a"]],
  ["GET", ["b"]],
  ["GET", ["a", "b", "c"]],
  ["GET", ["a", "x", "b"]],
  ["POST", ["payments", "v1", "..", "v1", "refunds"]],
];

test("anything else is no route", () => {
  for (const [method, segments] of lost) {
    const route = routeByPath(catalogue, method, { port: null, host: null, segments });
    assert.ok(isDenial(route) && route.denied === "ERR_ROUTE_UNKNOWN", `${method} ${segments.join("/")}`);
  }
  assert.equal(lost.length, 25);
});

test("a tool is found by its name, dots or underscores, and by no other spelling", () => {
  for (const name of ["payments.refund", "payments_refund"]) {
    const route = routeByName(catalogue, name);
    assert.ok(!isDenial(route) && route.tool.name === "payments.refund" && route.mount.upstream.name === "payments", name);
  }
  for (const name of [
    "",
    "payments",
    "payments-refund",
    "Payments.refund",
    "payments.refund ",
    "payments..refund",
    "paymentsxrefund",
    "__proto__",
    "constructor",
    "toString",
  ]) {
    const route = routeByName(catalogue, name);
    assert.ok(isDenial(route) && route.denied === "ERR_TOOL_UNKNOWN", name);
  }
  assert.equal(modelName("a.b.c"), "a_b_c");
});

test("a tool whose mount is gone is unknown", () => {
  assert.ok(isDenial(routeByName({ ...catalogue, mounts: [] }, "payments.refund")));
  assert.equal(mountOfTool(catalogue, tool("far.away", "GET")), undefined);
});

const here = { port: null, host: null };
const many = catalogueOf({
  mounts: [
    mountOf(["payments"], [], "by path"),
    { ...mountOf([], [], "by port"), port: 8081 },
    { ...mountOf([], [], "by host"), host: "stripe.gw.example" },
    { ...mountOf(["v2"], [], "by port and path"), port: 8082 },
    { ...mountOf([], [], "by port and host"), port: 8083, host: "a.example" },
    { ...mountOf([], [], "by port, any host"), port: 8083 },
  ],
});

/** Port, host, path → the mount, or null. */
const addressed: readonly (readonly [number | null, string | null, string, string | null])[] = [
  [null, null, "payments/x", "by path"],
  [null, "anything.example", "payments", "by path"],
  [null, null, "payment/x", null],
  [null, null, "", null],
  [8081, null, "payments/x", "by port"],
  [8081, "stripe.gw.example", "", "by port"],
  [8080, null, "payments/x", null],
  [null, "stripe.gw.example", "v1", "by host"],
  [null, "stripe.gw.example", "payments", "by host"],
  [null, "stripe.gw.example.", "v1", null],
  [null, "x.stripe.gw.example", "v1", null],
  [null, "stripe.gw.example:8080", "v1", null],
  [8082, null, "v2/x", "by port and path"],
  [8082, null, "v1/x", null],
  [8083, "a.example", "v1", "by port and host"],
  [8083, "b.example", "v1", "by port, any host"],
  [8083, null, "v1", "by port, any host"],
];

test("a mount is found by port, host and whole path segments, and one that names the host wins", () => {
  for (const [port, host, path, name] of addressed) {
    const segments = path === "" ? [] : path.split("/");
    assert.equal(mountAt(many, { ...here, port, host, segments })?.upstream.name ?? null, name, `${host}:${port}/${path}`);
  }
  assert.equal(addressed.length, 17);
});
