"""Reading a live FHIR R4 server into a folder of NDJSON, no more: what the resources mean is the door's matter.

``command`` asks; ``question`` says what is wanted; ``run`` holds the order of things. ``web`` is the one place that
speaks HTTP (retries, redirects, bounds), ``sign_in`` the one place that holds a key. ``search`` pages through searches,
``bulk`` follows an export. ``folder`` keeps what was read so that a killed run goes on where it stood.
Needs the extra ``fhir``; every module that uses it is imported when a fetch begins.
"""
