"""Writes the pages that list things from the things themselves: ``make docs``. CI fails where the result differs from what is committed."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from pathlib import Path
from typing import Final

from firedoor import cli_permissions, metrics, permissions, playbook, shelf, wiring
from firedoor.catalogue import AnyAction, AnyQuery
from firedoor.permissions import Purpose
from firedoor.vendors.okta import watchlist

HERE: Final = Path(__file__).resolve().parent
UNDO: Final = {
    "exact": "exactly, by undo",
    "owner": "nothing to undo: the person signs in again",
    "partial": "in part",
    "never": "never; it therefore needs one approver more",
}


def action_page(unit: type[AnyAction]) -> str:
    """What an action does, needs and leaves open."""
    spec = unit.spec
    facts = {
        "Approvers": str(int(spec.approvals)),
        "Can be undone": UNDO[spec.reversal],
        "Reads with": ", ".join(sorted(spec.reads)),
        "Writes with": ", ".join(sorted(spec.writes)),
        "At most": f"{spec.limit} targets in a run",
        "Must be visible within": f"{spec.settle_within:.0f} s",
        **({"Is watched for": f"{spec.hold:.0f} s more, and made again where it is taken back"} if spec.hold else {}),
        "Comes after": ", ".join((*spec.sources, *spec.after)) or "nothing; it closes a source",
    }
    lists = {"What may still live": residuals(unit), "Not established": spec.unestablished, "Rests on": spec.pages}
    return _page(spec.id, unit, facts, lists)


def residuals(unit: type[AnyAction]) -> tuple[str, ...]:
    """What the action's source says of its residuals, with what is filled in for each target in angle brackets."""
    found = []
    for function in (
        node for node in ast.walk(ast.parse(inspect.getsource(sys.modules[unit.__module__]))) if isinstance(node, ast.FunctionDef)
    ):
        named = dict(pair for node in ast.walk(function) if isinstance(node, ast.Assign) for pair in _assigned(node))
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Residual":
                said = {str(keyword.arg): _said(keyword.value, named) for keyword in call.keywords if keyword.arg != "hours"}
                found.append(f"{said['what']}: until {said['until']}. Closed by: {said['closes_by']}.")
    return tuple(found)


def _assigned(node: ast.Assign) -> list[tuple[str, ast.expr]]:
    """The names that an assignment gives, each with its expression."""
    match node.targets, node.value:
        case [ast.Name(id=name)], value:
            return [(name, value)]
        case [ast.Tuple(elts=names)], ast.Tuple(elts=values):
            return [(name.id, value) for name, value in zip(names, values, strict=False) if isinstance(name, ast.Name)]
        case _:
            return []


def _said(node: ast.expr, named: dict[str, ast.expr]) -> str:  # noqa: PLR0911 - one return a kind of expression
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_said(part, {}) for part in parts)
        case ast.Name(id=name) if name in named:
            return _said(named[name], {})
        case ast.FormattedValue(value=ast.Attribute(attr=name)) | ast.Attribute(attr=name):
            return f"<{'target' if name == 'label' else name}>"
        case ast.FormattedValue(value=ast.Name(id=name)) | ast.Name(id=name):
            return f"<{name}>"
        case ast.IfExp(body=body, orelse=orelse):
            return f"{_said(body, named)}, or {_said(orelse, named)}"
        case _:
            return "<...>"


def query_page(unit: type[AnyQuery]) -> str:
    """What a query finds."""
    spec = unit.spec
    return _page(spec.id, unit, {"Reads with": ", ".join(sorted(spec.reads))}, {"Rests on": spec.pages})


def playbooks_page() -> str:
    """Every playbook with its inputs and steps."""
    lines = ["# Playbooks", ""]
    for name in shelf.shelf():
        book = playbook.find(name)
        lines += [f"## {book.playbook}", "", f"{book.title}. {book.about.strip()}", "", "| input | what | example |", "|---|---|---|"]
        lines += [_input_row(key, wanted) for key, wanted in book.inputs.items()]
        lines += ["", "| step | action | after |", "|---|---|---|"]
        lines += [f"| {step.id} | [{step.action}](actions/{step.action}.md) | {', '.join(step.needs) or '-'} |" for step in book.steps]
        lines.append("")
    return "\n".join(lines)


def watchlist_page() -> str:
    """What a hunt over Okta's System Log looks for."""
    lines = [
        "# The watch list for Okta's System Log",
        "",
        inspect.cleandoc(watchlist.__doc__ or ""),
        "",
        "| rule | what | event types |",
        "|---|---|---|",
    ]
    for watch in watchlist.WATCHED:
        kinds = ", ".join(f"`{kind}*`" if kind.endswith(".") else f"`{kind}`" for kind in watch.types)
        lines.append(f"| `{watch.rule}` | {watch.says} | {kinds} |")
    signs = ", ".join(f"`{kind}`" for kind in watchlist.SIGN_INS)
    lines += [f"| `{rule}` | {says} | judged from {signs} |" for rule, says in watchlist.JUDGED.items()]
    open_ = [f"`{watch.rule}`: {watch.unestablished}" for watch in watchlist.WATCHED if watch.unestablished]
    return "\n".join([*lines, "", "## Not established", "", *[f"- {one}" for one in (*open_, *watchlist.JUDGED_UNESTABLISHED)]])


def permissions_page() -> str:
    """Every permission, for which identity, and who needs it."""
    shelf_ = cli_permissions.on_the_shelf()
    lines = ["# What is needed, by whom", "", "Made from the playbooks that come with Firedoor. See [permissions.md](permissions.md).", ""]
    for vendor, heading in (("aws", "AWS"), ("okta", "Okta")):
        by_purpose = {purpose: permissions.needed(vendor, purpose, shelf_) for purpose in Purpose}
        lines += [f"## {heading}", "", f"| permission | {' | '.join(Purpose)} | needed by |", "|---|---|---|---|---|"]
        for name in sorted(set().union(*by_purpose.values())):
            users = sorted(set().union(*(found.get(name, frozenset()) for found in by_purpose.values())))
            marks = " | ".join("yes" if name in found else "" for found in by_purpose.values())
            lines.append(f"| `{name}` | {marks} | {', '.join(users)} |")
        lines.append("")
    lines += ["## Slack", "", "| scope | called |", "|---|---|"]
    lines += [f"| `{scope}` | {', '.join(called)} |" for scope, called in permissions.slack_calls().items()]
    return "\n".join(lines)


def metrics_page() -> str:
    """Every metric with its labels."""
    lines = ["# Metrics", "", inspect.cleandoc(metrics.__doc__ or ""), "", "| metric | kind | labels | what |", "|---|---|---|---|"]
    for name, kind, labels, about in metrics.table():
        lines.append(f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {about} |")
    return "\n".join(lines)


def _input_row(name: str, wanted: playbook.Input) -> str:
    told = "" if wanted.required else f" (otherwise `{wanted.default}`)" if wanted.default else " (optional)"
    return f"| `{name}`{told} | {wanted.help} | `{wanted.example}` |"


def _page(name: str, unit: type[object], facts: dict[str, str], lists: dict[str, tuple[str, ...]]) -> str:
    prose = inspect.cleandoc(sys.modules[unit.__module__].__doc__ or "")
    rows = [f"| {fact} | {value} |" for fact, value in facts.items()]
    parts = [f"# {name}", "", prose, "", "| | |", "|---|---|", *rows, ""]
    for heading, entries in lists.items():
        if entries:
            parts += [f"## {heading}", "", *[f"- {entry}" for entry in entries], ""]
    return "\n".join(parts)


def main() -> None:
    """Write every page, and remove those of actions that are gone."""
    known = wiring.load_catalogue()
    pages = {f"actions/{name}.md": action_page(unit) for name, unit in known.actions.items()}
    pages |= {f"actions/{name}.md": query_page(unit) for name, unit in known.queries.items()}
    pages["playbooks.md"] = playbooks_page()
    pages["metrics.md"] = metrics_page()
    pages["okta-watchlist.md"] = watchlist_page()
    pages["permission-table.md"] = permissions_page()
    folder = HERE / "actions"
    folder.mkdir(exist_ok=True)
    for stale in folder.glob("*.md"):
        if f"actions/{stale.name}" not in pages:
            stale.unlink()
    (HERE.parent / "playbooks" / "schema.json").write_text(
        json.dumps(playbook.schema(known.actions, known.queries), indent=2) + "\n", encoding="utf-8"
    )
    for path, text in pages.items():
        (HERE / path).write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
