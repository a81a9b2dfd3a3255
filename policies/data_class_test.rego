package policies.data_class_test

import data.policies.data_class

facts := {
	"environments": {"production": ["public", "pci"], "experimentation": ["public"]},
	"findings": {"pan": "deny", "iban": "hold", "email": "allow"},
	"finding_tier": "security",
}

call(environment, class, kinds) := {
	"agent": {"environment": environment},
	"tool": {"traits": {"data": class}, "findings": [{"pointer": "/note", "kind": kind} | some kind in kinds]},
}

denied(given) := {one.rule | some one in said} if {
	said := data_class.deny with input as given with data.facts.data_classes as facts
}

held(given) := {[one.rule, one.tier] | some one in said} if {
	said := data_class.hold with input as given with data.facts.data_classes as facts
}

test_a_permitted_class_is_not_spoken_of if {
	denied(call("production", "pci", [])) == set()
	held(call("production", "pci", [])) == set()
}

test_a_class_that_the_environment_does_not_list_is_denied if {
	every given in [["experimentation", "pci"], ["production", "secret"], ["elsewhere", "public"], ["production", ""]] {
		denied(call(given[0], given[1], [])) == {"class_not_permitted"}
	}
}

test_a_refused_finding_is_denied if {
	denied(call("production", "pci", ["pan"])) == {"finding_refused"}
	denied(call("production", "pci", ["email", "pan"])) == {"finding_refused"}
}

test_a_finding_of_unknown_kind_is_denied if {
	denied(call("production", "pci", ["dna"])) == {"finding_refused"}
}

test_a_held_finding_is_held_for_the_tier if {
	denied(call("production", "pci", ["iban"])) == set()
	held(call("production", "pci", ["iban", "email"])) == {["finding_held", "security"]}
}

test_a_held_finding_without_a_tier_is_denied if {
	said := data_class.deny with input as call("production", "pci", ["iban"])
		with data.facts.data_classes as object.remove(facts, ["finding_tier"])
	{one.rule | some one in said} == {"finding_refused"}
}

test_a_tolerated_finding_is_not_spoken_of if {
	denied(call("production", "pci", ["email"])) == set()
	held(call("production", "pci", ["email"])) == set()
}
