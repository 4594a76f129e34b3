"""What a fetch did, as ``fetch_report.json`` and in a few lines; no patient is named in either."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cytowatch.fetch import durable
from cytowatch.fetch.folder import Folder
from cytowatch.fetch.question import Question
from cytowatch.fetch.state import State

REPORT = "fetch_report.json"
_NOT_SEEN = {
    "search": "resources that the server deleted, where it gives no history of their type",
    "patients": "resources that the server deleted: the history of a type is that of all patients",
}
_MOST = 200


@dataclass(frozen=True)
class Report:
    """What a run did; ``told`` is what fetch_report.json holds."""

    told: dict[str, Any]

    @property
    def complete(self) -> bool:
        """Whether all that was asked for was read."""
        return bool(self.told["complete"])

    def lines(self) -> list[str]:
        """The report in a few lines."""
        told = self.told
        kinds = told["resources"]
        total = sum(one["read"] for one in kinds.values())
        doubles = sum(one["duplicates"] for one in kinds.values())
        cost = f"{told['pages']:,} pages, {told['requests']:,} requests ({told['retries']:,} repeated)"
        types = sum(one["read"] > 0 for one in kinds.values())
        lines = [f"{total:,} resources of {types} types; {cost}; {doubles:,} exact doubles left out."]
        for kind, one in kinds.items():
            if not any(one[name] for name in ("read", "duplicates", "deleted")):
                continue
            lines.append(f"  {kind}: {one['read']:,}" + (f", {one['deleted']:,} deleted" if one["deleted"] else ""))
        if told["not_served"]:
            lines.append(f"Not served here, so not known: {', '.join(told['not_served'])}")
        if told["nothing_found"]:
            lines.append(f"Nothing found, which may mean not recorded: {', '.join(told['nothing_found'])}")
        if told["since"]:
            lines.append(f"Only what was changed since {told['since']}; this is not the whole record.")
        if told["next_since"]:
            lines.append(f"The next run reads what is new since {told['next_since']}.")
        return lines


def write_report(folder: Folder, question: Question, stopped: str = "") -> Report:
    """Put the report beside the data; ``stopped``: why the run could not come to its end."""
    report = Report(_told(folder.state, folder, question, stopped))
    durable.put(folder.path / REPORT, (json.dumps(report.told, indent=2, ensure_ascii=False) + "\n").encode())
    return report


def _told(state: State, folder: Folder, question: Question, stopped: str) -> dict[str, Any]:
    missing = (
        sorted(set(question.types) - set(state.served)) if state.served is not None and state.export is None else []
    )
    asked = [one.type for one in question.wanted if one.asked and one.type in missing]
    cursors = sorted(state.cursors.values())
    return {
        "server": question.base,
        "way": question.way,
        "patients_asked": len(question.patients) or None,
        "complete": not (state.shortfalls or asked or stopped),
        "stopped": stopped or None,
        "began": state.began,
        "since": state.first or None,
        "next_since": cursors[0] if cursors else None,
        "cursors": {kind or "all": moment for kind, moment in sorted(state.cursors.items())},
        "transaction_time": state.export.transaction if state.export else None,
        "requests": state.requests,
        "retries": state.retries,
        "pages": state.pages,
        "run": state.runs,
        "resumed": state.resumed,
        "resources": {
            kind: {"read": one.resources, "duplicates": one.duplicates, "deleted": one.deleted,
                   "file": folder.file_of(kind)}
            for kind, one in sorted(state.counts.items())
        },
        "not_served": missing,
        # no file is made: that a server holds nothing of a type is no proof that nothing was done
        "nothing_found": [kind for kind in question.types if kind in state.counts and not folder.holds(kind)],
        "incomplete": [{"search": one.search, "type": one.type, "why": one.why} for one in state.shortfalls[:_MOST]],
        "incomplete_in_all": len(state.shortfalls),
        "notes": state.notes[:_MOST],
        "not_seen": _not_seen(state, question),
    }  # fmt: skip


def _not_seen(state: State, question: Question) -> list[str]:
    if state.export is not None:
        return []
    return [_NOT_SEEN["patients" if question.patients else "search"]]
