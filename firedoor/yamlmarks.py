"""YAML as plain data, strictly, with the place of every part of it: for people who must find what is wrong with a file.

Refused are what a file of ours never needs and an attacker likes: keys given twice, anchors and aliases (a few lines of which unfold into
billions), tags, and depths that no person would write.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

DEEPEST = 20


class Malformed(Exception):
    """The text is not YAML as it is wanted here. Its words begin with the line and the column."""


def load(text: str) -> tuple[yaml.Node | None, object]:
    """The tree of marked nodes, and the data. Raises `Malformed`."""
    try:
        loader = _Strict(text)
        try:
            tree = loader.get_single_node()
            return tree, None if tree is None else loader.construct_document(tree)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise Malformed(f"{_at(error.problem_mark or error.context_mark)}: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position].split("\n")
        raise Malformed(f"line {len(before)}, column {len(before[-1]) + 1}: a character that YAML does not allow") from None


def place(tree: yaml.Node | None, path: Sequence[int | str]) -> str:
    """Where ``path`` leads in the tree, as far as it goes: ``line 3, column 5 (steps.0.id)``."""
    node, trail, mark = tree, list[str](), tree.start_mark if tree is not None else None
    for part in path:
        trail.append(str(part))
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == part), None)
            if found is None:
                break
            mark, node = found[0].start_mark, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
        else:
            trail.pop()  # not a part of the file, but of how it was checked
            break
    return f"{_at(mark)} ({'.'.join(trail)})"


def _at(mark: yaml.Mark | None) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else "line 1, column 1"


class _Strict(yaml.SafeLoader):
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(problem="anchors and aliases are not used here", problem_mark=event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise yaml.MarkedYAMLError(problem="tags are not used here", problem_mark=event.start_mark)
        if self._depth == DEEPEST:
            raise yaml.MarkedYAMLError(problem="this is nested too deeply", problem_mark=event.start_mark)
        self._depth += 1
        try:
            node: yaml.Node | None = super().compose_node(parent, index)  # type: ignore[arg-type]
        finally:
            self._depth -= 1
        if isinstance(node, yaml.MappingNode):
            _once(node)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:  # noqa: FBT001, FBT002 - the library's own signature
        try:
            return super().construct_object(node, deep=deep)
        except ValueError:  # it looks like a date or a number, and is none
            problem = "this is neither a date nor a number; put it in quotes"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None


def _once(node: yaml.MappingNode) -> None:
    seen = set[str]()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            raise yaml.MarkedYAMLError(problem="a key is plain text", problem_mark=key.start_mark)
        if key.value in seen:
            raise yaml.MarkedYAMLError(problem=f"{key.value!r} is given twice", problem_mark=key.start_mark)
        seen.add(key.value)
