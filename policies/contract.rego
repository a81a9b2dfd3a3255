# What an agent's contract says of a tool, as rules. The contract is the floor: the gateway has already refused tools that it does not name, so
# this package turns the numbers of the gate (input.contract.gate) into a verdict. Changing a number or adding a tool needs no edit here.
package policies.contract

allow contains {"rule": "named_by_contract", "tools": [input.tool.name], "message": "the contract names {tool.name}"} if {
	is_object(input.contract.gate)
}

# The gate limits the amount, and this call moves money whose limit is unknown: no amount, or a currency without a number.
deny contains {"rule": "amount_undetermined", "message": "the contract limits {tool.name} by amount and this call states none"} if {
	limited
	not amount_known
}

deny contains {"rule": "currency_not_in_contract", "message": "the contract has no limit for {tool.name} in {tool.amount.currency}"} if {
	limited
	amount_known
	not limit_known
}

deny contains {"rule": "amount_beyond_contract", "message": "{tool.amount.minor} {tool.amount.currency} (minor units) is beyond the contract"} if {
	not within_gate
	not people_may_widen
}

hold contains {
	"rule": "amount_beyond_gate",
	"tier": input.contract.gate.tier,
	"message": "{tool.amount.minor} {tool.amount.currency} (minor units) is more than the agent may move alone",
} if {
	not within_gate
	people_may_widen
}

# A write that the contract names without `allow` and without a limit is people's to decide.
hold contains {"rule": "write_without_gate", "tier": input.contract.gate.tier, "message": "the contract leaves {tool.name} to people"} if {
	ungated_write
	is_string(input.contract.gate.tier)
}

deny contains {"rule": "write_without_gate", "message": "the contract gives {tool.name} no gate and no tier to ask"} if {
	ungated_write
	not is_string(input.contract.gate.tier)
}

limited if input.contract.gate.up_to != null

amount_known if {
	is_number(input.tool.amount.minor)
	is_string(input.tool.amount.currency)
}

limit_known if is_number(input.contract.gate.up_to[input.tool.amount.currency])

within_gate if not limited

# What is unknown is denied above; it must not read as "beyond" as well, or its message would name nothing.
within_gate if not amount_known

within_gate if not limit_known

within_gate if input.tool.amount.minor <= input.contract.gate.up_to[input.tool.amount.currency]

people_may_widen if {
	input.contract.gate.beyond == "hold"
	is_string(input.contract.gate.tier)
}

ungated_write if {
	input.tool.traits.effect != "read"
	not limited
	not input.contract.gate.allow
}
