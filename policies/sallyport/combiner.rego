# Collects what every package under data.policies says of one call and answers exactly one verdict:
#   {"verdict": "allow" | "hold" | "deny", "reasons": [{"rule", "package", "message"}], "tiers": [...], "obligations": [...]}
# Silence denies. Any package that speaks in another shape than a set of well-formed objects denies every call, by its name.
# What this module cannot see (a misspelt set, a misnamed package, an object with an undefined field) is refused before it is loaded.
package sallyport

# METADATA
# entrypoint: true
verdict := answer("deny", sort(malformed)) if count(malformed) > 0

else := answer("deny", sort(denials)) if count(denials) > 0

else := answer("deny", [unallowed]) if count(allowances) == 0

else := object.union(answer("hold", sort(holds)), {"tiers": sort(tiers), "obligations": sort(obligations)}) if count(holds) > 0

else := object.union(answer("allow", sort(allowances)), {"obligations": sort(obligations)})

answer(word, reasons) := {"verdict": word, "reasons": reasons, "tiers": [], "obligations": []}

unallowed := {"rule": "no_rule_allowed", "package": "sallyport", "message": "no rule of any package allows {tool.name}"}

denials contains reason(name, said) if some said in data.policies[name].deny

holds contains reason(name, said) if some said in data.policies[name].hold

tiers contains said.tier if some said in data.policies[_].hold

obligations contains said.obligation if some said in data.policies[_].require

# An allow counts only for the tools it names, each by its whole name; the other three may speak of every call.
allowances contains reason(name, said) if {
	some said in data.policies[name].allow
	input.tool.name in said.tools
}

reason(name, said) := {"rule": said.rule, "package": name, "message": object.get(said, "message", "")}

malformed contains fault(name, "allow") if {
	said := data.policies[name].allow
	not allows_only(said)
}

malformed contains fault(name, "hold") if {
	said := data.policies[name].hold
	not holds_only(said)
}

malformed contains fault(name, "deny") if {
	said := data.policies[name].deny
	not denies_only(said)
}

malformed contains fault(name, "require") if {
	said := data.policies[name].require
	not requires_only(said)
}

fault(name, kind) := {"rule": "policy_malformed", "package": name, "message": faults[kind]}

faults := {
	"allow": "allow must be a set of objects with a string `rule`, a list of names `tools`, and at most a string `message`",
	"hold": "hold must be a set of objects with the strings `rule` and `tier`, and at most a string `message`",
	"deny": "deny must be a set of objects with a string `rule`, and at most a string `message`",
	"require": "require must be a set of objects with a string `rule`, an `obligation` of verify or redact, and at most a string `message`",
}

allows_only(said) if {
	is_set(said)
	every one in said {
		named(one)
		is_tool_list(one.tools)
		object.keys(one) - {"rule", "message", "tools"} == set()
	}
}

holds_only(said) if {
	is_set(said)
	every one in said {
		named(one)
		is_string(one.tier)
		one.tier != ""
		object.keys(one) - {"rule", "message", "tier"} == set()
	}
}

denies_only(said) if {
	is_set(said)
	every one in said {
		named(one)
		object.keys(one) - {"rule", "message"} == set()
	}
}

requires_only(said) if {
	is_set(said)
	every one in said {
		named(one)
		one.obligation in {"verify", "redact"}
		object.keys(one) - {"rule", "message", "obligation"} == set()
	}
}

named(one) if {
	is_object(one)
	is_string(one.rule)
	one.rule != ""
	is_string(object.get(one, "message", ""))
}

is_tool_list(tools) if {
	is_list(tools)
	count(tools) > 0
	every tool in tools {
		is_string(tool)
	}
}

is_list(tools) if is_array(tools)

is_list(tools) if is_set(tools)
