"""Ticket files: whole or not at all, for their owner's eyes, and never taken for absent."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from firedoor.errors import Unavailable
from firedoor.vendors.access import Access
from firedoor.vendors.jira.client import JiraClient
from firedoor.vendors.jira.values import sha256
from tests.vendors.jira.conftest import MARKER


def alone(folder: Path) -> JiraClient:
    return JiraClient(access=Access.WRITE, folder=folder)


def test_it_is_written_for_its_owner_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("firedoor.vendors.jira.paper.os.fsync", lambda descriptor: synced.append(stat.S_IFMT(os.fstat(descriptor).st_mode)))
    folder = tmp_path / "state" / "tickets"
    client = alone(folder)
    assert client.paper(MARKER).sha256 == ""
    written = client.write_paper(MARKER, "a \ud83d b")
    assert client.paper(MARKER) == written
    path = folder / f"{MARKER}.md"
    assert written.path == str(path)
    assert written.sha256 == sha256("a \ud83d b")
    assert path.read_text() == "a \\ud83d b"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert synced == [stat.S_IFREG, stat.S_IFDIR], "the file first, then its name"


def test_a_later_one_takes_its_place(tmp_path: Path) -> None:
    client = alone(tmp_path)
    client.write_paper(MARKER, "one")
    client.write_paper(MARKER, "another")
    assert client.paper(MARKER).sha256 == sha256("another")
    assert [each.name for each in tmp_path.iterdir()] == [f"{MARKER}.md"]


def test_a_disk_that_takes_nothing_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    client = alone(tmp_path)
    before = client.write_paper(MARKER, "before")
    monkeypatch.setattr("firedoor.vendors.jira.paper.os.fsync", full)
    with pytest.raises(Unavailable, match="No space left") as refused:
        client.write_paper(MARKER, "after")
    assert refused.value.changed is None
    assert client.paper(MARKER) == before
    assert [each.name for each in tmp_path.iterdir()] == [f"{MARKER}.md"]


def test_one_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / f"{MARKER}.md").mkdir()
    with pytest.raises(Unavailable, match="cannot be read"):
        alone(tmp_path).paper(MARKER)


def test_without_a_marker_only_the_folder_is_known(tmp_path: Path) -> None:
    assert alone(tmp_path).paper("").path == str(tmp_path)


def test_a_link_that_stands_there_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    folder = tmp_path / "tickets"
    folder.mkdir()
    (folder / f"{MARKER}.md").symlink_to(elsewhere)
    alone(folder).write_paper(MARKER, "ours")
    assert elsewhere.read_text() == "theirs"
    assert not (folder / f"{MARKER}.md").is_symlink()
