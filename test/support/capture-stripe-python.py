"""Writes stripe-python-forms.json: what the official Python SDK sends for parameters made from a fixed seed.

python -m venv venv && venv/bin/pip install stripe==16.1.0
venv/bin/python test/support/capture-stripe-python.py > test/support/stripe-python-forms.json
"""

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import stripe

CASES = 60
rng = random.Random(20261122)
received = []


class Capture(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode("ascii")
        received.append(
            {
                "method": self.command,
                "target": self.path,
                "contentType": self.headers.get("content-type"),
                "body": body,
            }
        )
        answer = b'{"id":"x_1","object":"x"}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


TEXTS = ["", "a b", "a+b", "é", "100%", "[x]", "a&b=c", "\U0001f389", "it's(1)*~!", "1", "true", "line\nbreak", "%5B", "ß", "x;y#z?/:@,$"]


def text():
    return rng.choice(TEXTS) + rng.choice(["", "", str(rng.randint(0, 99))])


def whole():
    return rng.choice([0, 1, rng.randint(0, 10**6), 2**53 - 1])


def some(makers):
    chosen = {name: make() for name, make in makers.items() if rng.random() < 0.5}
    return chosen or some(makers)


def metadata():
    keys = ["order id", "6735", "sku.1", "é", "a&b", "x-y", "k=v", "日本", "note"]
    return {key: text() for key in rng.sample(keys, rng.randint(1, 5))}


def line():
    return some(
        {
            "price": lambda: "price_" + str(rng.randint(1, 999)),
            "quantity": whole,
            "price_data": lambda: some(
                {
                    "currency": lambda: "usd",
                    "unit_amount": whole,
                    "unit_amount_decimal": lambda: "12.5",
                    "product_data": lambda: some({"name": text, "images": lambda: [text() for _ in range(rng.randint(1, 3))], "metadata": metadata}),
                    "recurring": lambda: some({"interval": lambda: "month", "interval_count": whole}),
                }
            ),
            "adjustable_quantity": lambda: some({"enabled": lambda: rng.random() < 0.5, "maximum": whole}),
        }
    )


def params():
    return some(
        {
            "amount": whole,
            "currency": lambda: "usd",
            "description": text,
            "percent_off": lambda: rng.randint(0, 99) + 0.5,
            "confirm": lambda: rng.random() < 0.5,
            "trial_end": lambda: rng.choice(["now", whole()]),
            "metadata": lambda: rng.choice([metadata(), ""]),
            "expand": lambda: ["data.customer" for _ in range(rng.randint(1, 12))],
            "automatic_tax": lambda: {"enabled": rng.random() < 0.5},
            "shipping": lambda: rng.choice(["", some({"name": text, "address": lambda: some({"line1": text, "city": text})})]),
            "line_items": lambda: [line() for _ in range(rng.randint(1, 4))],
            "created": lambda: rng.choice([whole(), some({"gt": whole, "gte": whole, "lt": whole})]),
            "limit": whole,
        }
    )


server = HTTPServer(("127.0.0.1", 0), Capture)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = stripe.StripeClient("sk_test_x", base_addresses={"api": f"http://127.0.0.1:{server.server_port}"})
cases = []
for index in range(CASES):
    given = params()
    if index % 3 == 2:
        client.v1.charges.list(params=given)
    else:
        client.v1.refunds.create(params=given)
    cases.append({"params": given, **received[-1]})
rows = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
print('{"sdk":"stripe-python %s","cases":[\n%s\n]}' % (stripe.VERSION, rows))
server.shutdown()
