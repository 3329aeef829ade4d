"""docs/security-model.md and docs/guarantees.md name the tests that show what they say: each is there. And what no other test shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from firedoor.settings import ROOT

PAGE: Final = ROOT / "docs" / "security-model.md"
NAMED: Final = re.compile(r"`(?P<path>tests/[\w./]+)(?:::(?P<test>test_\w+))?`")
LEAF: Final = re.compile(r"^\| (?P<they>.+?) \| (?P<against>.+?) \| (?P<shown>.+?) \|$", re.MULTILINE)
SUITE: Final = re.compile(r"`make ([a-z-]+)`")


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("page", ["security-model.md", "guarantees.md"])
def test_every_test_that_is_named_is_there(page: str) -> None:
    named = [(found["path"], found["test"]) for found in NAMED.finditer((ROOT / "docs" / page).read_text(encoding="utf-8"))]
    assert len(named) > 5
    missing = [f"{path}::{test}" for path, test in named if not (ROOT / path).exists() or (test and test not in functions_of(ROOT / path))]
    assert missing == []


def test_every_leaf_of_the_attack_tree_has_a_test_that_shows_it() -> None:
    tree = PAGE.read_text(encoding="utf-8").partition("## The attack tree")[2].partition("## What is not defended")[0]
    leaves = [found for found in LEAF.finditer(tree) if found["they"] not in {"they", "---"}]
    assert len(leaves) > 40
    assert [found["they"] for found in leaves if not NAMED.search(found["shown"]) and not SUITE.search(found["shown"])] == []
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [suite for suite in SUITE.findall(tree) if f"\n{suite}:" not in targets] == []


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.lock")), ids=lambda path: path.name)
def test_every_package_is_pinned_by_its_hash(lock: Path) -> None:
    lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    pins = re.split(r"\n(?=\S)", "\n".join(lines))
    assert pins
    assert [pin.partition(" ")[0] for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


def test_packages_are_installed_with_their_hashes_only() -> None:
    installs = (ROOT / "requirements" / "install.sh").read_text(encoding="utf-8")
    calls = [line for line in installs.splitlines() if re.search(r"\b(?:pip|uv) .*install\b|pip install|pip sync", line) and "-r" in line]
    assert calls
    assert all("--require-hashes" in call for call in calls), calls
