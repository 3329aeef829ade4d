"""The commands of the pages that no test runs, each with its reason. Each is still held against what there is: see `known`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ELSEWHERE: Final = ".ci/run runs it, in a clean clone"
LONG: Final = ".ci/run runs a sample of the laws; tests/manual/test_recipes.py runs these"
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
}
