"""The commands of the pages that no test runs, each with its reason. Each is still held against what there is: see `known`."""

# ruff: noqa: E501 - commands stand here as they are typed

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ELSEWHERE: Final = ".ci/run runs it, in a clean clone"
LONG: Final = ".ci/run runs a sample of the laws; tests/manual/test_recipes.py runs these"
SERVICE: Final = "it changes the machine that Firedoor is a service of, as its root or by services that are not here"
RESTORED: Final = "it needs that machine's journal, folders and backups; the tests of each command try it on a journal of their own"
PAPER: Final = "it signs what the command before it has printed"
TERMINAL: Final = "it asks a person many questions, one after the other"
HARDWARE: Final = "it needs a key in hardware, and a finger on it"
ADMINISTRATOR: Final = "AWS's command line is no part of the environment; its words are held against AWS's own models"
RECIPE: Final = "tests/manual/test_recipes.py follows it, in a copy of the checkout"

UNRUN: Final[Mapping[str, str]] = {
    "make drill": ELSEWHERE,
    "make test": ELSEWHERE,
    "make new-action ID=okta.clear_something": RECIPE,
    "make new-vendor NAME=acmevault": RECIPE,
    "make new-action ID=acmevault.lock_account": RECIPE,
    "make new-playbook NAME=lost-laptop": RECIPE,
    "make new-channel NAME=pager": RECIPE,
    "make lint types docs": ELSEWHERE,
    'make laws ARGS="-k clear_something"': LONG,
    "ssh-keygen -t ed25519-sk -f ~/.ssh/id_ed25519_sk": HARDWARE,
    "aws iam create-role --role-name FiredoorPreview --assume-role-policy-document file://trust.json": ADMINISTRATOR,
    "aws iam put-role-policy --role-name FiredoorPreview --policy-name firedoor --policy-document file://preview.json": ADMINISTRATOR,
    "aws iam create-role --role-name FiredoorContain --assume-role-policy-document file://trust.json": ADMINISTRATOR,
    "aws iam put-role-policy --role-name FiredoorContain --policy-name firedoor --policy-document file://contain.json": ADMINISTRATOR,
    "aws iam put-user-policy --user-name firedoor --policy-name firedoor --policy-document file://base.json": ADMINISTRATOR,
    "firedoor doctor --verify --key ~/.ssh/id_ed25519_sk": TERMINAL,
    "git clone https://git.example.com/security/firedoor.git /opt/firedoor": SERVICE,
    "cd /opt/firedoor": SERVICE,
    "python3 -m venv .venv": SERVICE,
    "sh requirements/install.sh .venv/bin bootstrap": SERVICE,
    "sh requirements/install.sh .venv/bin serve": SERVICE,
    "/opt/firedoor/.venv/bin/firedoor init /etc/firedoor": SERVICE,
    "useradd --system --home-dir /var/lib/firedoor --shell /usr/sbin/nologin firedoor": SERVICE,
    "install -m 600 -o root -g root serve.env /etc/firedoor/serve.env": SERVICE,
    "install -m 644 /opt/firedoor/deploy/systemd/firedoor-serve.service /etc/systemd/system/": SERVICE,
    "systemctl daemon-reload": SERVICE,
    "systemctl enable --now firedoor-serve": SERVICE,
    "install -m 755 /opt/firedoor/deploy/systemd/firedoor /usr/local/sbin/firedoor": SERVICE,
    "sudo firedoor doctor": RESTORED,
    "sudo firedoor contain session-hijack -i users=someone@example.com --as Ada --print > /tmp/order": RESTORED,
    "ssh-keygen -Y sign -n firedoor -f ~/.ssh/id_ed25519_sk /tmp/order": PAPER,
    "sudo firedoor contain session-hijack -i users=someone@example.com --document /tmp/order --signature /tmp/order.sig": RESTORED,
    "prefect work-pool create firedoor --type process": SERVICE,
    "prefect work-pool create firedoor-exercises --type process": SERVICE,
    "prefect --no-prompt deploy --all": SERVICE,
    "systemctl enable --now firedoor-worker": SERVICE,
    "install -m 644 /opt/firedoor/deploy/systemd/firedoor-exercises.service /etc/systemd/system/": SERVICE,
    "systemctl enable --now firedoor-exercises": SERVICE,
    "docker compose --file deploy/compose.yaml build": SERVICE,
    "docker compose --file deploy/compose.yaml up --detach": SERVICE,
    "docker compose --file deploy/compose.yaml --profile exercises up --detach": SERVICE,
    "docker compose --file deploy/compose.yaml run --rm worker prefect work-pool create firedoor --type process": SERVICE,
    "docker compose --file deploy/compose.yaml run --rm worker prefect work-pool create firedoor-exercises --type process": SERVICE,
    "docker compose --file deploy/compose.yaml run --rm worker prefect --no-prompt deploy --all": SERVICE,
    "install -d -m 700 -o firedoor -g firedoor /var/backups/firedoor": SERVICE,
    "sudo firedoor journal backup /var/backups/firedoor/journal-2026-11-26.db": RESTORED,
    'pg_dump --format=custom --file=/var/backups/firedoor/journal-2026-11-26.dump "$FIREDOOR_DATABASE_URL"': SERVICE,
    "systemctl stop firedoor-serve firedoor-worker": SERVICE,
    "install -d -m 700 /var/lib/firedoor/away": SERVICE,
    "mv /var/lib/firedoor/journal.db* /var/lib/firedoor/away/": SERVICE,
    "sudo firedoor journal restore /var/backups/firedoor/journal-2026-11-26.db": RESTORED,
    "createdb firedoor": SERVICE,
    'pg_restore --exit-on-error --single-transaction --no-owner --dbname="$FIREDOOR_DATABASE_URL" /var/backups/firedoor/journal-2026-11-26.dump': SERVICE,
    "sudo firedoor journal restored": RESTORED,
    "sudo firedoor journal backup /var/backups/firedoor/before-upgrade.db": RESTORED,
    "git fetch --tags": SERVICE,
    "git checkout v0.2.0": SERVICE,
    "sudo firedoor journal upgrade": RESTORED,
    "systemctl start firedoor-serve firedoor-worker": SERVICE,
    "sudo firedoor audit verify --from-slack": RESTORED,
    "sudo firedoor journal status": RESTORED,
    "sudo -u firedoor env FIREDOOR_STATE_DIR=/var/lib/firedoor/rehearsal /opt/firedoor/.venv/bin/firedoor journal restore /var/backups/firedoor/journal-2026-11-26.db": RESTORED,
    "prefect worker start --pool firedoor": SERVICE,
}
