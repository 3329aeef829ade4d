"""JSON as a stream says what the standard library says, in pieces of any size; where it breaks off, it says where, not what was there."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor import jsonstream
from firedoor.errors import BadInput
from firedoor.jsonstream import Members, NotJson, Text, items, strings
from firedoor.textfile import CutShort, pieces

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def cut(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def texts(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts(inner, (*path, number))


@given(value=st.lists(VALUES, max_size=5), size=st.integers(1, 9), indent=st.sampled_from([None, 1]), ascii_=st.booleans())
def test_it_says_what_the_standard_library_says(value: list[Any], size: int, indent: int | None, ascii_: bool) -> None:  # noqa: FBT001
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_)
    assert list(items(cut(text, size))) == value
    assert list(items(cut(json.dumps({"a": [1, {}], "Records": value, "z": 1}), size), "Records")) == value
    found = [(one.path, one.text) for one in strings(cut(text, size)) if isinstance(one, Text)]
    assert found == list(texts(value))


@given(value=VALUES, size=st.integers(1, 9), data=st.data())
def test_what_is_cut_off_is_never_taken_for_whole(value: Any, size: int, data: st.DataObject) -> None:
    text = json.dumps([value])
    shorter = text[: data.draw(st.integers(0, len(text) - 1))]
    for read in (items, strings):
        with pytest.raises((CutShort, NotJson)):
            list(read(cut(shorter, size)))


def test_objects_are_told_when_they_end_with_their_short_strings() -> None:
    (pair,) = [one for one in strings(['[{"name": "sid", "n": 1, "value": "x"}]']) if isinstance(one, Members)]
    assert (pair.path, dict(pair.texts)) == ((0,), {"name": "sid", "value": "x"})


def test_a_long_string_comes_in_pieces_that_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonstream, "LONGEST_PIECE", 100)
    monkeypatch.setattr(jsonstream, "OVERLAP", 20)
    said = "".join(f"\u00e4{n}\n" for n in range(500))
    found = [one for one in strings(cut(json.dumps({"a": said}), 7)) if isinstance(one, Text)]
    assert len(found) > 10
    assert [found[0].first, found[-1].last, found[0].last, found[-1].first] == [True, True, False, False]
    assert found[0].text + "".join(one.text[20:] for one in found[1:]) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "x",
        "canary",
        '{"canary": ',
        '["canary',
        '["canary\\',
        "]",
        "[}",
        '{"a" 1}',
        "{1: 2}",
        '["\\uZZZZcanary"]',
        "[" * 300,
        "\x00" * 99,
        "[\x00",
    ],
)
def test_what_is_no_json_is_refused_without_its_content(text: str) -> None:
    for read in (items, strings):
        with pytest.raises(BadInput) as refused:
            list(read(cut(text, 5)))
        assert "canary" not in f"{refused.value} {refused.value!r} {refused.value.__context__!r} {refused.value.__cause__!r}"


def test_an_item_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonstream, "MOST_ITEM", 1000)
    with pytest.raises(NotJson, match="cannot be read here"):
        list(items(['[{"a": "', *("x" * 100 for _ in range(100_000))]))


def test_memory_is_flat(tmp_path: Path) -> None:
    path = tmp_path / "big.json.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write('{"Records": [')
        file.writelines(json.dumps({"n": n, "pad": "x" * 2_000}) + "," for n in range(10_000))
        file.write('{}], "body": "')
        file.writelines("y" * 1_000_000 for _ in range(20))
        file.write('"}')
    tracemalloc.start()
    assert sum(1 for _ in items(pieces(path), "Records")) == 10_001
    assert sum(len(one.text) for one in strings(pieces(path)) if isinstance(one, Text)) > 40_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16_000_000


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", b""), ("utf-8-sig", b""), ("utf-16", b"")])
def test_a_byte_order_mark_is_understood(tmp_path: Path, encoding: str, mark: bytes) -> None:
    path = tmp_path / "it.json"
    path.write_bytes(mark + '["\u00e4"]'.encode(encoding))
    assert list(items(pieces(path))) == ["\u00e4"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadInput, match="cannot be read"):
            list(pieces(path))
    parts = tmp_path / "parts.gz"
    parts.write_bytes(gzip.compress(b"[1, 2") + gzip.compress(b", 3]") + b"\x00" * 9)
    assert list(items(pieces(parts))) == [1, 2, 3]
    packed = tmp_path / "it.gz"
    packed.write_bytes(gzip.compress(b"[1, 2, 3]" * 1000)[:-20])
    with pytest.raises(CutShort):
        list(pieces(packed))
