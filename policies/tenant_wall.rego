# What a call is about must belong to the agent's tenant. The preview is the upstream's own word on the object; when it names a tenant or an
# account, that must be one of the agent's tenant: data.facts.tenant_accounts lists them, and a tenant's own name always counts.
package policies.tenant_wall

deny contains {"rule": "foreign_tenant", "message": "the object of this call belongs to another tenant"} if {
	preview := object.get(input.facts, "preview", {})
	some field in {"tenant", "account"}
	named := object.get(preview, field, input.agent.tenant)
	not own(named)
}

own(named) if named == input.agent.tenant

own(named) if named in data.facts.tenant_wall.accounts[input.agent.tenant]
