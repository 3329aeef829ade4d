"""Rows of a spreadsheet's CSV, of a JSON list, or of JSON lines, one after another, from a file of any size."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from firedoor.errors import BadInput, shown
from firedoor.jsonstream import items
from firedoor.textfile import lines, pieces

_DELIMITERS: Final = ",;\t|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row by its columns, whose names are in small letters with ``_`` between words. What is in it is printed nowhere.

    ``number`` is a spreadsheet's, so that the first below the header is 2; of JSON, the items or lines are counted from 1.
    """

    number: int
    cells: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A row that could not be read, and why, without its content."""

    number: int
    why: str


def rows(path: Path) -> Iterator[Row | Left]:
    """The rows of the file. Raises `BadInput` where it cannot be read, or no further."""
    text = pieces(path)
    held: list[str] = []
    sign = ""
    for piece in text:
        held.append(piece)
        if sign := piece.lstrip()[:1]:
            break
    whole = chain(held, text)
    if sign == "[":
        yield from (_of_json(number, item) for number, item in enumerate(items(whole), start=1))
    elif sign == "{":
        yield from _json_lines(lines(whole))
    elif sign:
        yield from _csv(lines(whole))
    else:
        raise BadInput("the file is empty", target=shown(path.name), advice="Export it again")


def column(name: str) -> str:
    """A column's name as rows have it: ``Given to`` is ``given_to``."""
    return "_".join("".join(one if one.isalnum() else " " for one in name.casefold()).split())


def _of_json(number: int, item: object) -> Row | Left:
    if not isinstance(item, Mapping):
        return Left(number=number, why="it is no object")
    return Row(number=number, cells={column(str(name)): value for name, value in item.items()})


def _json_lines(text: Iterator[str]) -> Iterator[Row | Left]:
    for number, line in enumerate(text, start=1):
        if line.strip():
            yield _of_json(number, item) if (item := _value(line)) is not None else Left(number=number, why="the line is not whole JSON")


def _value(line: str) -> object:
    try:
        found: object = json.loads(line)
    except (ValueError, RecursionError):
        return None  # the decoder's error carries the line
    return found


def _csv(text: Iterator[str]) -> Iterator[Row | Left]:
    first = next(text)
    delimiter = max(_DELIMITERS, key=first.count)
    if first.casefold().startswith("sep=") and len(first.strip()) == len("sep=;"):  # what Excel writes for itself
        delimiter, first = first.strip()[-1], next(text, "")
    reader = csv.reader(chain([first], text), delimiter=delimiter, strict=True)
    header = [column(name) for name in _header(reader)]
    if doubled := sorted({name for name in header if name and header.count(name) > 1}):
        raise BadInput(f"two columns are named {shown(doubled[0])}", advice="Give each column a name of its own")
    number = 1
    while True:
        number, start = number + 1, reader.line_num
        try:
            cells = next(reader, None)
        except csv.Error:
            cells = []
            yield Left(
                number=number, why=f"its quotes do not match, or a cell is too long: lines {start + 1} to {reader.line_num} were not read"
            )
            continue
        if cells is None:
            return
        if len(cells) > len(header) and any(cells[len(header) :]):
            yield Left(number=number, why=f"it has {len(cells)} cells, and there are {len(header)} columns")
        elif any(cell.strip() for cell in cells):
            yield Row(number=number, cells=dict(zip(header, cells, strict=False)))


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        return next(reader)
    except csv.Error:
        pass
    raise BadInput("its first line is no header of a CSV file", advice="Export it again, with the names of the columns in the first line")
