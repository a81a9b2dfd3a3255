package sallyport_test

import data.sallyport

call := {"tool": {"name": "payments.refund"}}

spoken(policies) := verdict if {
	verdict := sallyport.verdict with data.policies as policies with input as call
}

allowing := {"rule": "may", "tools": ["payments.refund"], "message": "yes"}

holding := {"rule": "ask", "tier": "finance", "message": "wait"}

test_silence_denies if {
	spoken({}).verdict == "deny"
	spoken({}).reasons[0].rule == "no_rule_allowed"
}

test_an_allow_allows if {
	spoken({"a": {"allow": {allowing}}}) == {
		"verdict": "allow",
		"reasons": [{"rule": "may", "package": "a", "message": "yes"}],
		"tiers": [],
		"obligations": [],
	}
}

test_an_allow_counts_only_for_the_tools_it_names if {
	every tools in [["payments.refun"], ["payments.refund2"], ["payments.*"], ["*"], {"deploys.create"}] {
		spoken({"a": {"allow": {{"rule": "may", "tools": tools}}}}).verdict == "deny"
	}
}

test_tools_may_be_a_set if {
	spoken({"a": {"allow": {{"rule": "may", "tools": {"payments.refund"}}}}}).verdict == "allow"
}

test_a_hold_needs_an_allow if {
	spoken({"a": {"hold": {holding}}}).reasons[0].rule == "no_rule_allowed"
}

test_one_hold_holds if {
	spoken({"a": {"allow": {allowing}, "hold": {holding}}}) == {
		"verdict": "hold",
		"reasons": [{"rule": "ask", "package": "a", "message": "wait"}],
		"tiers": ["finance"],
		"obligations": [],
	}
}

test_every_tier_named_must_sign if {
	verdict := spoken({"a": {"allow": {allowing}, "hold": {holding}}, "b": {"hold": {{"rule": "also", "tier": "security"}, holding}}})
	verdict.verdict == "hold"
	verdict.tiers == ["finance", "security"]
	count(verdict.reasons) == 3
}

test_any_deny_denies if {
	verdict := spoken({"a": {"allow": {allowing}, "hold": {holding}}, "b": {"deny": {{"rule": "no", "message": "never"}}}})
	verdict == {"verdict": "deny", "reasons": [{"rule": "no", "package": "b", "message": "never"}], "tiers": [], "obligations": []}
}

test_obligations_are_united if {
	required := {{"rule": "look", "obligation": "verify"}, {"rule": "hide", "obligation": "redact"}}
	spoken({"a": {"allow": {allowing}, "require": required}}).obligations == ["redact", "verify"]
	spoken({"a": {"allow": {allowing}, "hold": {holding}, "require": required}}).obligations == ["redact", "verify"]
	spoken({"a": {"require": required}}).obligations == []
}

misspoken := [
	{"deny": true},
	{"deny": false},
	{"deny": null},
	{"deny": "no"},
	{"deny": 1},
	{"deny": []},
	{"deny": {}},
	{"deny": {"no"}},
	{"deny": {{"message": "no rule"}}},
	{"deny": {{"rule": ""}}},
	{"deny": {{"rule": 7}}},
	{"deny": {{"rule": "no", "message": 7}}},
	{"deny": {{"rule": "no", "msg": "misspelt"}}},
	{"deny": {{"rule": "no", "tools": ["payments.refund"]}}},
	{"deny": [{"rule": "no"}]},
	{"hold": true},
	{"hold": [holding]},
	{"hold": {{"tier": "finance"}}},
	{"hold": {{"rule": "ask", "tier": "finance", "msg": "misspelt"}}},
	{"hold": {{"rule": "ask"}}},
	{"hold": {{"rule": "ask", "tier": null}}},
	{"hold": {{"rule": "ask", "tier": ""}}},
	{"hold": {{"rule": "ask", "teir": "finance"}}},
	{"hold": {{"rule": "ask", "tier": ["finance"]}}},
	{"allow": true},
	{"allow": [allowing]},
	{"allow": {{"tools": ["payments.refund"]}}},
	{"allow": {{"rule": "may", "tools": {"first": "payments.refund"}}}},
	{"allow": {{"rule": "may"}}},
	{"allow": {{"rule": "may", "tools": []}}},
	{"allow": {{"rule": "may", "tools": "payments.refund"}}},
	{"allow": {{"rule": "may", "tools": [7]}}},
	{"allow": {{"rule": "may", "tools": ["payments.refund"], "unless": "x"}}},
	{"require": {{"rule": "look", "obligation": "dance"}}},
	{"require": {{"rule": "look"}}},
	{"require": {"verify"}},
	{"require": [{"rule": "look", "obligation": "verify"}]},
	{"require": {{"obligation": "verify"}}},
	{"require": {{"rule": "look", "obligation": "verify", "tools": ["payments.refund"]}}},
]

test_what_is_not_a_set_of_well_formed_objects_denies_by_name if {
	count(misspoken) == 39
	every policy in misspoken {
		some kind, _ in policy
		verdict := spoken({"fine": {"allow": {allowing}}, "slip": policy})
		verdict.verdict == "deny"
		verdict.reasons[0].rule == "policy_malformed"
		verdict.reasons[0].package == "slip"
		startswith(verdict.reasons[0].message, kind)
	}
}
