# Deployments happen inside the windows that data.facts.change_windows gives to each service, in the gateway's zone, and never on a frozen day.
# A service without an open window, without an entry, or without a name is denied: silence is not a window.
package policies.change_window

# Facts of another shape than the rules below read would leave them silent, so they deny every call until they are mended.
deny contains {"rule": "facts_malformed", "message": "the change windows are not in the form that the rules read"} if {
	not facts_sound
}

deny contains {"rule": "service_not_named", "message": "{tool.name} must name a service that has change windows"} if {
	governed
	not service_known
}

deny contains {"rule": "zone_differs", "message": "the change windows are not written for the zone {time.zone}"} if {
	governed
	not zone_agrees
}

deny contains {"rule": "day_frozen", "message": "deployments are frozen on {time.date}"} if {
	governed
	input.time.date in data.facts.change_windows.freeze_days
}

deny contains {
	"rule": "outside_change_window",
	"message": "no change window of this service is open on {time.weekday} at minute {time.minute_of_day} ({time.zone})",
} if {
	governed
	service_known
	not window_open
}

facts_sound if {
	is_object(data.facts.change_windows.tools)
	is_object(data.facts.change_windows.services)
	is_array(data.facts.change_windows.freeze_days)
}

governed if argument_name

# The argument that names the service, for each tool that deploys.
argument_name := data.facts.change_windows.tools[input.tool.name]

service := data.facts.change_windows.services[input.args[argument_name]]

service_known if is_array(service)

zone_agrees if data.facts.change_windows.zone == input.time.zone

zone_agrees if data.facts.change_windows.zone == "any"

# Rego orders values of different types, so a minute that is not a number would compare, and could open: it must be a number first.
window_open if {
	some window in service
	input.time.weekday in window.weekdays
	is_number(window.from_minute)
	is_number(window.to_minute)
	window.from_minute <= input.time.minute_of_day
	input.time.minute_of_day < window.to_minute
}
