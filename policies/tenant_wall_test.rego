package policies.tenant_wall_test

import data.policies.tenant_wall

facts := {"accounts": {"acme_co": ["acct_1", "acct_2"], "other": ["acct_9"]}}

rules(looked_up) := {one.rule | some one in said} if {
	said := tenant_wall.deny with input as {"agent": {"tenant": "acme_co"}, "facts": looked_up} with data.facts.tenant_wall as facts
}

test_without_a_preview_nothing_is_said if {
	rules({}) == set()
}

test_a_preview_that_names_nobody_is_not_spoken_of if {
	rules({"preview": {"amount": 5}}) == set()
}

test_the_tenants_own_objects_pass if {
	every own in [{"tenant": "acme_co"}, {"account": "acct_1"}, {"account": "acct_2", "tenant": "acme_co"}, {"account": "acme_co"}] {
		rules({"preview": own}) == set()
	}
}

foreign := [
	{"tenant": "other"},
	{"account": "acct_9"},
	{"tenant": "acme_co", "account": "acct_9"},
	{"tenant": "ACME_CO"},
	{"tenant": null},
	{"tenant": false},
	{"tenant": ["acme_co"]},
	{"account": ""},
]

test_the_objects_of_others_are_denied if {
	count(foreign) == 8
	every object_of in foreign {
		rules({"preview": object_of}) == {"foreign_tenant"}
	}
}
