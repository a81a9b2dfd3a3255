package policies.contract_test

import data.policies.contract

gate := {"allow": false, "up_to": {"USD": 10000}, "beyond": "hold", "tier": "finance"}

call(changes) := object.union(
	{
		"contract": {"stage": "autonomous", "gate": gate},
		"tool": {"name": "payments.refund", "traits": {"effect": "write"}, "amount": {"minor": 9000, "currency": "USD"}},
	},
	changes,
)

amount(minor, currency) := call({"tool": {"amount": {"minor": minor, "currency": currency}}})

gated_by(nothing) := json.patch(call({}), [{"op": "replace", "path": "/contract/gate", "value": nothing}])

gated(changes) := call({"contract": {"gate": changes}})

names(said) := {one.rule | some one in said}

test_an_amount_within_the_gate_is_allowed if {
	every minor in [0, 1, 9999, 10000] {
		names(contract.allow) == {"named_by_contract"} with input as amount(minor, "USD")
		contract.hold == set() with input as amount(minor, "USD")
		contract.deny == set() with input as amount(minor, "USD")
	}
}

test_an_allow_names_this_tool_only if {
	some one in contract.allow with input as call({})
	one.tools == ["payments.refund"]
}

test_an_amount_beyond_the_gate_is_held_for_its_tier if {
	contract.deny == set() with input as amount(10001, "USD")
	held := contract.hold with input as amount(10001, "USD")
	{[one.rule, one.tier] | some one in held} == {["amount_beyond_gate", "finance"]}
}

test_an_amount_beyond_is_denied_when_the_gate_says_so if {
	beyond := object.union(amount(10001, "USD"), gated({"beyond": "deny"}))
	denied := object.union(beyond, {"tool": {"amount": {"minor": 10001, "currency": "USD"}}})
	names(contract.deny) == {"amount_beyond_contract"} with input as denied
	contract.hold == set() with input as denied
}

test_an_amount_beyond_is_denied_when_there_is_no_tier_to_ask if {
	denied := object.union(gated({"tier": null}), {"tool": {"amount": {"minor": 10001, "currency": "USD"}}})
	names(contract.deny) == {"amount_beyond_contract"} with input as denied
}

test_a_currency_without_a_limit_is_denied if {
	names(contract.deny) == {"currency_not_in_contract"} with input as amount(1, "EUR")
	contract.hold == set() with input as amount(1, "EUR")
}

test_a_missing_amount_is_denied if {
	names(contract.deny) == {"amount_undetermined"} with input as call({"tool": {"amount": null}})
}

test_values_of_other_types_are_no_amounts if {
	every minor in [null, true, "1", [], {}] {
		names(contract.deny) == {"amount_undetermined"} with input as amount(minor, "USD")
	}
	names(contract.deny) == {"amount_undetermined"} with input as amount(5, null)
}

test_a_write_without_a_gate_is_held if {
	held := contract.hold with input as gated({"up_to": null})
	{[one.rule, one.tier] | some one in held} == {["write_without_gate", "finance"]}
	contract.deny == set() with input as gated({"up_to": null})
}

test_a_write_without_a_gate_and_tier_is_denied if {
	names(contract.deny) == {"write_without_gate"} with input as gated({"up_to": null, "tier": null})
	contract.hold == set() with input as gated({"up_to": null, "tier": null})
}

test_without_a_gate_nothing_is_allowed if {
	contract.allow == set() with input as gated_by(null)
}

test_a_write_that_the_contract_allows_is_allowed if {
	contract.hold == set() with input as gated({"up_to": null, "allow": true})
	contract.deny == set() with input as gated({"up_to": null, "allow": true})
}

test_a_read_is_allowed if {
	reading := {"contract": {"gate": {"up_to": null, "tier": null}}, "tool": {"traits": {"effect": "read"}, "amount": null}}
	names(contract.allow) == {"named_by_contract"} with input as call(reading)
	contract.hold == set() with input as call(reading)
	contract.deny == set() with input as call(reading)
}
