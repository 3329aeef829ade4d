"""Writes the pages that list things from the things themselves: ``make docs``. CI fails where the result differs from what is committed."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer.main

from firedoor import beginning, cli, cli_permissions, metrics, permissions, playbook, shelf, wiring
from firedoor.catalogue import AnyAction, AnyQuery
from firedoor.model import Outcome
from firedoor.permissions import Purpose
from firedoor.report import RunOutcome
from firedoor.settings import SECRETS, Settings
from firedoor.vendors.okta import watchlist

HERE: Final = Path(__file__).resolve().parent
UNDO: Final = {
    "exact": "exactly, by undo",
    "owner": "nothing to undo: the person signs in again",
    "partial": "in part",
    "never": "never; it therefore needs one approver more",
}
EXIT_CODES: Final = {
    0: "done and verified; or nothing was wrong, or found",
    1: "not contained, or something is open, found or in doubt: the first lines say what",
    2: "bad input: one message says what, and nothing was touched",
    3: "denied, expired or stopped: nothing was changed by this run that its report does not name",
    4: "of `inventory diff` alone: the two could not be compared whole, whatever else it tells",
}
OUTCOMES: Final = {
    Outcome.CHANGED: "it was changed, and a reading after the last write shows it",
    Outcome.ALREADY: "it was so already; the reason says how",
    Outcome.PREVIEWED: "it would be changed",
    Outcome.REFUSED: "the guard left it out: it is protected, or there are too many",
    Outcome.DENIED: "somebody who may decide said no",
    Outcome.EXPIRED: "nobody decided in time",
    Outcome.STALE: "the world has changed since the approval, and this much of it nobody has approved; it is asked for by itself",
    Outcome.STOPPED: "somebody stopped the run before this was done",
    Outcome.FAILED: "it could not be done; the reason says what happened, and what next",
    Outcome.UNVERIFIED: "it was written and could not be seen: look by hand, or resume the run later",
    Outcome.SKIPPED: "what had to come before it failed",
    Outcome.UNSUPPORTED: "this estate does not have the feature",
}
RUN_OUTCOMES: Final = {
    RunOutcome.CONTAINED: "every step is done and verified, and people were told",
    RunOutcome.PARTIAL: "some steps are done, and some are open",
    RunOutcome.DENIED: "somebody who may decide said no",
    RunOutcome.EXPIRED: "nobody decided in time",
    RunOutcome.STOPPED: "somebody stopped it",
    RunOutcome.FAILED: "no step is done",
    RunOutcome.PREVIEWED: "a plan was made, and nothing else",
    RunOutcome.CLOSED: "a sweep has nothing left over",
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
        **({"Takes back, on purpose": ", ".join(spec.reopens)} if spec.reopens else {}),
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


def commands_page() -> str:
    """Every command with its arguments and options, as the command line has them."""
    lines = ["# Commands", "", "Every one of them takes `--help`. What they exit with: [outcomes.md](outcomes.md).", ""]
    for words, command in _commands("firedoor", typer.main.get_command(cli.app)):
        usage = " ".join([words, *(_usage(param) for param in command.params)])
        lines += [f"## {words}", "", inspect.cleandoc(command.help or ""), "", "```", usage, "```", ""]
        told = [param for param in command.params if getattr(param, "help", None)]
        if told:
            lines += ["| | |", "|---|---|", *(f"| {_names(param)} | {_meaning(param)} |" for param in told), ""]
    return "\n".join(lines)


def _commands(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command that does something, groups that do included, in the order of the help."""
    below = getattr(command, "commands", {})
    if not below or getattr(command, "invoke_without_command", False):
        yield words, command
    for name, one in below.items():
        yield from _commands(f"{words} {name}", one)


def _usage(param: Any) -> str:
    if param.param_type_name == "argument":
        name = _argument(param)
        return (name if param.required else f"[{name}]") + ("..." if param.nargs != 1 else "")
    shown = "/".join((*param.opts[:1], *param.secondary_opts[:1]))
    given = shown if param.is_flag else f"{shown} {_kind(param)}"
    return (given if param.required else f"[{given}]") + ("..." if param.multiple else "")


def _argument(param: Any) -> str:
    """Its bare name: what the usage says of it besides, brackets and dots, is said once."""
    return re.sub(r"[\[\]{}]|\.\.\.", "", param.metavar or param.name.upper())


def _kind(param: Any) -> str:
    return str(param.metavar or param.name.upper())


def _names(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{_argument(param)}`"
    return ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))


def _meaning(param: Any) -> str:
    said = " ".join(str(param.help).split())
    is_option = param.param_type_name == "option" and not param.is_flag
    known = is_option and param.default not in (None, "", (), []) and not callable(param.default)
    default = f" Otherwise {param.default}." if known else ""
    variable = f" Otherwise the environment's `{param.envvar}`." if isinstance(param.envvar, str) else ""
    return f"{said}{default}{variable}"


def settings_page() -> str:
    """Every setting, as `firedoor init` writes them down."""
    secret = {*SECRETS, "database_url"}
    lines = [
        *(
            "# Settings",
            "",
            "`firedoor init` writes all of them into a `firedoor.toml` and an `.env.example`. A setting of the environment is",
        ),
        *("called `FIREDOOR_` and its name in capitals, and wins over the file. Secrets are taken from the environment alone.", ""),
        *("| setting | what | example |", "|---|---|---|"),
    ]
    for name, field in Settings.model_fields.items():
        if name not in beginning.TABLES:
            example = "in the environment only" if name in secret else f"`{beginning.EXAMPLES[name]}`"
            lines.append(f"| `{f'FIREDOOR_{name.upper()}' if name in secret else name}` | {_said_of(field)} | {example} |")
    for table, model in beginning.TABLES.items():
        heading = f"[[{table}]]" if table in beginning.ARRAYS else f"[{table}]"
        lines += ["", f"## {heading}", "", _said_of(Settings.model_fields[table]), "", "| setting | what | example |", "|---|---|---|"]
        lines += [
            f"| `{name}` | {_said_of(field)} | `{beginning.EXAMPLES[f'{table}.{name}']}` |" for name, field in model.model_fields.items()
        ]
    lines += ["", "## Variables of others", "", "| variable | what |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{name}` | {' '.join(meaning.split())} |" for name, meaning in beginning.OF_OTHERS.items())])


def _said_of(field: Any) -> str:
    return " ".join(str(field.description).split()).replace("|", "\\|")


def outcomes_page() -> str:
    """Exit codes, and the outcomes that lead to them."""
    lines = [
        "# Outcomes and exit codes",
        "",
        "A script may trust the exit code; `--json` names the outcome.",
        "",
        "| code | |",
        "|---|---|",
    ]
    lines += [f"| {code} | {words} |" for code, words in EXIT_CODES.items()]
    lines += ["", "Hunts, `audit verify`, `inventory` and `doctor` exit with 1 where something was found, or could not be looked at."]
    for heading, about, outcomes in (
        ("A step", "How one step of a run ended:", {one: OUTCOMES[one] for one in Outcome}),
        ("A run", "How a whole run ended:", {one: RUN_OUTCOMES[one] for one in RunOutcome}),
    ):
        lines += ["", f"## {heading}", "", about, "", "| outcome | | exit code |", "|---|---|---|"]
        lines += [f"| `{one}` | {words} | {one.exit_code} |" for one, words in outcomes.items()]
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
    pages["commands.md"] = commands_page()
    pages["settings.md"] = settings_page()
    pages["outcomes.md"] = outcomes_page()
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
