"""Calls Stripe's official SDK as it is told to, one JSON line for each call, and says what came of it."""

import json
import sys

import stripe

for line in sys.stdin:
    told = json.loads(line)
    client = stripe.StripeClient(told["token"], base_addresses={"api": told["base"]})
    options = {"idempotency_key": told["key"]} if "key" in told else {}
    try:
        made = getattr(client.v1, told["resource"]).create(told["params"], options)
        answer = {"id": made.id}
    except Exception as error:  # noqa: BLE001 - whatever the SDK throws is what this is about
        answer = {"thrown": type(error).__name__, "message": str(error)}
    print(json.dumps(answer), flush=True)
