"""A playbook for people: as text, and as a graph of what comes after what (Mermaid, which editors and GitHub draw). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from firedoor.catalogue import Catalogue
from firedoor.model import Reversal, Tier
from firedoor.playbook import Playbook

UNDONE: Final[Mapping[str, str]] = {
    Reversal.EXACT: "can be undone",
    Reversal.OWNER: "nothing to undo: the person signs in again",
    Reversal.PARTIAL: "can be undone in part",
    Reversal.NEVER: "cannot be undone",
}


def card(book: Playbook, known: Catalogue) -> Mapping[str, Any]:
    """Everything about a playbook that a person asks for, as JSON data."""
    return {
        "playbook": book.playbook,
        "title": book.title,
        "about": book.about.strip(),
        "inputs": [
            {"name": name, "type": str(one.type), "many": one.many, "required": one.required, "help": one.help, "example": one.example}
            for name, one in book.inputs.items()
        ],
        "steps": [
            {
                "id": step.id,
                "action": step.action,
                "title": known.action(step.action).spec.title,
                "for_each": book.queries[step.source].query,
                "needs": list(step.needs),
                "approvers": int(known.action(step.action).spec.approvals),
                "reversal": str(known.action(step.action).spec.reversal),
            }
            for step in book.steps
        ],
        "approvers": int(max([Tier(book.approval.at_least), *(known.action(step.action).spec.approvals for step in book.steps)])),
        "expires_minutes": book.approval.expires_minutes,
        "targets": book.limits.targets,
    }


def card_markdown(data: Mapping[str, Any]) -> str:
    """The same as Markdown that also reads well as plain text."""
    lines = [f"# {data['playbook']}: {data['title']}", "", data["about"], "", "## Inputs", ""]
    for one in data["inputs"]:
        kind = f"{one['type']}{', several' if one['many'] else ''}{'' if one['required'] else ', optional'}"
        lines.append(f"- {one['name']} ({kind}): {one['help']}. For example {one['example']}")
    lines += ["", "## Steps", ""]
    for step in data["steps"]:
        after = f", after {', '.join(step['needs'])}" if step["needs"] else ""
        undone = f"; {UNDONE[step['reversal']]}" if step["approvers"] else ""  # who is told stays told
        lines.append(f"- {step['id']}: {step['title']} ({step['action']}{after}{undone})")
    approvals = f"{data['approvers']} approval{'' if data['approvers'] == 1 else 's'}"
    within = f"within {data['expires_minutes']} minutes, and touches at most {data['targets']} targets a step"
    return "\n".join([*lines, "", f"It needs {approvals} at the most, {within}."]) + "\n"


def graph(book: Playbook, known: Catalogue) -> str:
    """The steps as a Mermaid flowchart, from the queries that find the targets to the people who are told last."""
    lines = ["flowchart LR"]
    lines += [f'    {name}{{{{"{question.query}"}}}}' for name, question in book.queries.items()]
    lines += [f'    {_node(step.id)}["{step.id}: {step.action}"]' for step in book.steps]
    telling = {step.id for step in book.steps if known.action(step.action).spec.approvals is Tier.AUTO}
    needed = {need for step in book.steps for need in step.needs}
    last = [step.id for step in book.steps if step.id not in telling and step.id not in needed]
    for step in book.steps:
        before = last if step.id in telling else step.needs
        lines += [f"    {_node(need)} --> {_node(step.id)}" for need in before] or [f"    {step.source} --> {_node(step.id)}"]
    return "\n".join(lines) + "\n"


def _node(step: str) -> str:
    return f"step_{step}"
