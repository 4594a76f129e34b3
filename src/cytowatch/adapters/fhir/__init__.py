"""The FHIR R4 door: resources in NDJSON, JSON and Bundles; admitted observations and a ledger out.

`files` finds and opens inputs, `decode` makes structs of them, one module a kind of resource says what each states,
`versions` and `references` settle which version counts and of whom it speaks, `door` puts them together.
"""
