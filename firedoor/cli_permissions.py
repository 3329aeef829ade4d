"""The part of the command line that tells what Firedoor needs at each vendor: IAM policies, scopes, the Slack app's manifest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firedoor.errors import BadInput, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firedoor.permissions import Purpose, Shelf

VENDORS = ("aws", "okta", "slack")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("permissions")(permissions)


def permissions(
    vendor: Annotated[str, typer.Argument(metavar="VENDOR", help="aws, okta or slack.")],
    purpose: Annotated[str, typer.Option("--for", metavar="PURPOSE", help="preview, sweep or contain; for slack otherwise contain.")] = "",
    base: Annotated[bool, typer.Option("--base", help="For aws: the policy of the identity that takes the roles on.")] = False,
    as_json: AsJson = False,
) -> None:
    """What Firedoor needs at a vendor: an IAM policy, Okta's scopes, the Slack app's manifest. Generated; asks no vendor."""
    if vendor not in VENDORS:
        raise BadInput(f"permissions are told for {', '.join(VENDORS)}, and not for {shown(vendor)}{nearest(vendor, VENDORS)}")
    if base and vendor != "aws":
        raise BadInput("--base is for aws alone", advice="Leave it out")
    if vendor == "slack":
        _slack(_purpose(purpose or "contain"), as_json=as_json)
    elif vendor == "okta":
        _okta(_purpose(purpose), as_json=as_json)
    else:
        _aws(_purpose(purpose), base=base)


def on_the_shelf() -> Shelf:
    """The catalogue and all playbooks. Raises `BadInput` where one is broken: what it needs cannot be told."""
    import tasks
    from firedoor import catalogue, playbook, shelf, sweepbook
    from firedoor.permissions import Shelf

    known = catalogue.load(tasks)
    books = [playbook.find(name) for name in shelf.shelf()]
    return Shelf(known=known, playbooks=books, sweeps=[sweepbook.find(name, known) for name in sweepbook.shelf()])


def _purpose(text: str) -> Purpose:
    from firedoor.permissions import Purpose

    if text not in set(Purpose):
        given = f"{shown(text)} is none of them{nearest(text, map(str, Purpose))}" if text else "none was given"
        raise BadInput(f"--for is one of {', '.join(Purpose)}: {given}", advice="Each is an identity of its own")
    return Purpose(text)


def _aws(purpose: Purpose, *, base: bool) -> None:
    from firedoor import permissions as needs
    from firedoor.settings import load

    settings = load()
    policy = needs.aws_base_policy(purpose, settings) if base else needs.aws_policy(purpose, on_the_shelf(), settings)
    typer.echo(json.dumps(policy, indent=2))


def _okta(purpose: Purpose, *, as_json: bool) -> None:
    from firedoor import permissions as needs

    scopes = list(needs.needed("okta", purpose, on_the_shelf()))
    if as_json:
        typer.echo(json.dumps(scopes, indent=2))
        return
    typer.echo("\n".join(scopes))
    typer.echo(needs.okta_role(scopes), err=True)


def _slack(purpose: Purpose, *, as_json: bool) -> None:
    from firedoor import permissions as needs
    from firedoor.settings import ROOT

    manifest: Mapping[str, Any] = {}
    if purpose is needs.Purpose.CONTAIN:
        text = (ROOT / needs.MANIFEST).read_text(encoding="utf-8")
        manifest = needs.slack_manifest(text)
    elif purpose is needs.Purpose.PREVIEW:
        import yaml

        manifest = needs.slack_preview_manifest(on_the_shelf())
        text = yaml.safe_dump(manifest, sort_keys=False)
    else:
        text = ""
        typer.echo("Whoever sweeps needs no token of Slack: people are asked, and told, by the app that contains.", err=True)
    typer.echo(json.dumps(manifest, indent=2) if as_json else text, nl=as_json)
