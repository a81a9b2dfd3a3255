# Which classes of data an agent may touch in which environment, and what happens to a call whose arguments hold personal or payment data.
# A class or an environment that data.facts.data_classes does not list is not permitted.
package policies.data_class

deny contains {"rule": "class_not_permitted", "message": "data of class {tool.traits.data} is not permitted in {agent.environment}"} if {
	not class_permitted
}

# Every kind of finding has a disposition; one without is denied like one that is refused.
deny contains {"rule": "finding_refused", "message": "the arguments hold data that must not be sent"} if {
	some finding in input.tool.findings
	not finding_tolerated(finding)
}

hold contains {"rule": "finding_held", "tier": data.facts.data_classes.finding_tier, "message": "the arguments hold data that people must see first"} if {
	some finding in input.tool.findings
	data.facts.data_classes.findings[finding.kind] == "hold"
}

class_permitted if input.tool.traits.data in data.facts.data_classes.environments[input.agent.environment]

finding_tolerated(finding) if data.facts.data_classes.findings[finding.kind] == "allow"

finding_tolerated(finding) if {
	data.facts.data_classes.findings[finding.kind] == "hold"
	is_string(data.facts.data_classes.finding_tier)
}
