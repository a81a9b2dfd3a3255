import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { openUpstreams } from "../../../src/adapters/upstream/upstreams.ts";
import { type Certificate, type Certificates, makeCertificates } from "../../support/certificates.ts";
import { answer, request, startServer, until } from "./counting-server.ts";

let certificates: Certificates;
const environmentBefore = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];

before(async () => {
  certificates = await makeCertificates();
});
after(() => setEnvironment(environmentBefore));

function setEnvironment(value: string | undefined): void {
  if (value === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = value;
}

const untrusted: readonly { readonly name: string; readonly pick: (made: Certificates) => Certificate; readonly trustCa: boolean }[] = [
  { name: "is self-signed", pick: (made) => made.selfSigned, trustCa: true },
  { name: "is for another name", pick: (made) => made.wrongName, trustCa: true },
  { name: "has expired", pick: (made) => made.expired, trustCa: true },
  { name: "is not valid yet", pick: (made) => made.notYetValid, trustCa: true },
  { name: "is by another CA", pick: (made) => made.otherCa, trustCa: true },
  { name: "is by a CA that was not given", pick: (made) => made.good, trustCa: false },
];

for (const environment of [undefined, "0"]) {
  for (const { name, pick, trustCa } of untrusted) {
    test(`a certificate that ${name} gets no byte of a request${environment === "0" ? ", though the environment says to trust all" : ""}`, async (t) => {
      let refused = 0;
      for (const host of ["127.0.0.1", "localhost"]) {
        const server = await startServer((socket) => socket.write(answer(200)), pick(certificates), host);
        const upstreams = openUpstreams({ upstreams: [{ name: "up", url: server.url, ca: trustCa ? certificates.ca : null }] });
        setEnvironment(environment);
        const outcomes = await Promise.all(
          ["GET", "POST", "PUT", "PATCH", "DELETE", "GET", "POST", "PUT", "PATCH", "DELETE"].map((method) =>
            upstreams.send(request(server, { method })),
          ),
        );
        if (environment === "0") {
          await assertEnvironmentWorks(Number(new URL(server.url).port), host);
          await until(() => server.handshakes() === 1, "the trusting client's handshake");
        }
        setEnvironment(environmentBefore);
        for (const outcome of outcomes) {
          assert.equal(outcome.kind === "not_sent" && outcome.cause, "tls");
          refused += 1;
        }
        assert.equal(server.requests.length, 0);
        assert.equal(server.bytes(), 0, "application bytes");
        assert.equal(server.handshakes(), environment === "0" ? 1 : 0, "handshakes that the server thinks complete");
        assert.ok(server.connections() >= outcomes.length, "every call must have tried");
        await upstreams.close();
        await server.close();
      }
      assert.equal(refused, 20);
      t.diagnostic(`${refused} calls refused, 0 bytes, 0 handshakes`);
    });
  }
}

/** Without this, a Node that ignored the variable would make the test above prove nothing. */
async function assertEnvironmentWorks(port: number, host: string): Promise<void> {
  const trusting = connect({ port, host });
  await once(trusting, "secureConnect");
  trusting.end();
}

test("a certificate by the given CA for the right name is trusted", async () => {
  for (const host of ["127.0.0.1", "localhost"]) {
    const server = await startServer((socket) => socket.write(answer(200, "hi")), certificates.good, host);
    const upstreams = openUpstreams({ upstreams: [{ name: "up", url: server.url, ca: certificates.ca }] });
    for (let call = 0; call < 3; call += 1) assert.equal((await upstreams.send(request(server))).kind, "answered");
    assert.equal(server.requests.length, 3);
    await upstreams.close();
    await server.close();
  }
});

test("one upstream's private CA is not trusted for another upstream", async () => {
  const server = await startServer((socket) => socket.write(answer(200)), certificates.good);
  const upstreams = openUpstreams({
    upstreams: [
      { name: "up", url: server.url, ca: certificates.ca },
      { name: "other", url: server.url.replace("127.0.0.1", "localhost"), ca: null },
    ],
  });
  const stranger = await upstreams.send(request(server, { upstream: "other", url: `${server.url.replace("127.0.0.1", "localhost")}/x` }));
  assert.equal(stranger.kind === "not_sent" && stranger.cause, "tls");
  assert.equal(server.bytes(), 0);
  assert.equal((await upstreams.send(request(server))).kind, "answered");
  await upstreams.close();
  await server.close();
});

test("an upstream that speaks plain HTTP on its https port gets no request", async () => {
  const server = await startServer((socket) => socket.write(answer(200)));
  const url = server.url.replace("http:", "https:");
  const upstreams = openUpstreams({ upstreams: [{ name: "up", url, ca: certificates.ca }] });
  const onData = server.open;
  const sent = upstreams.send(request({ url }, { timeoutMs: 1000 }));
  // The server never answers a ClientHello that it cannot read; closing the connection is the end of the handshake.
  const wait = setInterval(() => onData().forEach((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")), 5);
  const outcome = await sent;
  clearInterval(wait);
  assert.equal(outcome.kind === "not_sent" && outcome.cause, "tls");
  assert.equal(server.requests.length, 0);
  await upstreams.close();
  await server.close();
});

test("every new connection looks at the certificate again", async () => {
  const resumed: boolean[] = [];
  const reply = (socket: Socket) => {
    resumed.push((socket as TLSSocket).isSessionReused());
    socket.write(answer(200, "", ["connection: close"]));
  };
  const server = await startServer(reply, certificates.good);
  const upstreams = openUpstreams({ upstreams: [{ name: "up", url: server.url, ca: certificates.ca }] });
  for (let call = 0; call < 5; call += 1) assert.equal((await upstreams.send(request(server))).kind, "answered");
  assert.deepEqual(resumed, [false, false, false, false, false]);
  assert.equal(server.handshakes(), 5);
  await upstreams.close();
  await server.close();
});

const urls: readonly [string, boolean][] = [
  ["https://api.example", true],
  ["https://api.example/v1", true],
  ["https://api.example:8443/v1", true],
  ["http://127.0.0.1:9", true],
  ["http://localhost:9", true],
  ["http://[::1]:9", true],
  ["http://api.example", false],
  ["http://127.0.0.1.example", false],
  ["http://localhost.example", false],
  ["http://10.0.0.1", false],
  ["ftp://127.0.0.1", false],
  ["https://user:secret@api.example", false],
  ["https://api.example/", false],
  ["https://api.example/v1/", false],
  ["https://api.example?x=1", false],
  ["https://api.example/#x", false],
  ["https://API.example", false],
  ["https://api.example:443", false],
  ["https://api.example/a/../b", false],
  ["not a url", false],
];

test("an upstream's URL is canonical https, or http on loopback, else it does not open", async () => {
  let checked = 0;
  for (const [url, opens] of urls) {
    const open = () => openUpstreams({ upstreams: [{ name: "up", url, ca: null }] });
    if (opens) await open().close();
    else assert.throws(open, url);
    checked += 1;
  }
  assert.equal(checked, 20);
  const twice = { name: "up", url: "https://api.example", ca: null };
  assert.throws(() => openUpstreams({ upstreams: [twice, twice] }), /two upstreams/);
});
