package policies.change_window_test

import data.policies.change_window

facts := {
	"zone": "Europe/Berlin",
	"tools": {"deploys.create": "service"},
	"freeze_days": ["2026-12-24"],
	"services": {
		"api": [{"weekdays": ["monday"], "from_minute": 540, "to_minute": 960}],
		"ledger": [],
		"no_begin": [{"weekdays": ["monday"], "from_minute": null, "to_minute": 960}],
		"no_end": [{"weekdays": ["monday"], "from_minute": 540, "to_minute": "960"}],
		"odd": "always",
	},
}

at(weekday, minute, date, args) := {
	"time": {"zone": "Europe/Berlin", "date": date, "weekday": weekday, "minute_of_day": minute},
	"tool": {"name": "deploys.create"},
	"args": args,
}

rules(call) := {one.rule | some one in said} if {
	said := change_window.deny with input as call with data.facts.change_windows as facts
}

day := "2026-11-23"

test_inside_the_window_nothing_is_said if {
	every minute in [540, 541, 959] {
		rules(at("monday", minute, day, {"service": "api"})) == set()
	}
}

test_outside_the_window_is_denied if {
	every minute in [0, 539, 960, 1439] {
		rules(at("monday", minute, day, {"service": "api"})) == {"outside_change_window"}
	}
	rules(at("tuesday", 600, day, {"service": "api"})) == {"outside_change_window"}
}

test_a_service_without_windows_is_never_deployed if {
	every weekday in ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] {
		every minute in numbers.range_step(0, 1439, 60) {
			rules(at(weekday, minute, day, {"service": "ledger"})) == {"outside_change_window"}
		}
	}
}

test_a_service_that_is_not_listed_is_denied if {
	every args in [{}, {"service": "new"}, {"service": null}, {"service": ["api"]}, {"service": "odd"}, {"Service": "api"}] {
		rules(at("monday", 600, day, args)) == {"service_not_named"}
	}
}

test_a_frozen_day_is_denied if {
	rules(at("monday", 600, "2026-12-24", {"service": "api"})) == {"day_frozen"}
}

test_minutes_that_are_not_numbers_open_nothing if {
	every service in ["no_begin", "no_end"] {
		rules(at("monday", 600, day, {"service": service})) == {"outside_change_window"}
	}
}

test_windows_of_another_zone_are_not_read if {
	abroad := object.union(at("monday", 600, day, {"service": "api"}), {"time": {"zone": "UTC"}})
	rules(abroad) == {"zone_differs"}
	said := change_window.deny with input as abroad with data.facts.change_windows as object.union(facts, {"zone": "any"})
	said == set()
}

test_facts_in_another_form_deny_every_call if {
	every broken in [{"tools": []}, {"services": null}, {"freeze_days": "2026-12-24"}] {
		said := change_window.deny with input as at("monday", 600, day, {"service": "api"})
			with data.facts.change_windows as object.union(facts, broken)
		"facts_malformed" in {one.rule | some one in said}
	}
}

test_tools_that_do_not_deploy_are_not_concerned if {
	abroad := {"tool": {"name": "deploys.list"}, "time": {"zone": "UTC"}}
	every service in ["ledger", "new"] {
		rules(object.union(at("sunday", 3, "2026-12-24", {"service": service}), abroad)) == set()
	}
}

# The starter facts: the demo relies on these two.
test_web_is_always_open_and_ledger_never if {
	web := change_window.deny with input as at("sunday", 3, day, {"service": "web"})
	web == set()
	ledger := change_window.deny with input as at("monday", 600, day, {"service": "ledger"})
	{one.rule | some one in ledger} == {"outside_change_window"}
}
