"""What is wrong with a playbook beyond its shape: names that lead nowhere, circles, and an order that law 13 forbids."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from firedoor.catalogue import Catalogue
from firedoor.errors import nearest
from firedoor.playbook import REFERENCE, Playbook, Step, Value


def lint(book: Playbook, catalogue: Catalogue) -> tuple[str, ...]:
    """Every fault, in words; empty for a sound playbook."""
    names = [*_duplicates(book), *_units(book, catalogue), *_references(book)]
    if names:
        return tuple(names)  # what follows needs every name to lead somewhere
    return (*_cycles(book), *_types(book, catalogue), *_sources(book, catalogue))


def _duplicates(book: Playbook) -> Iterator[str]:
    seen: set[str] = set()
    for step in book.steps:
        if step.id in seen:
            yield f"two steps are called {step.id!r}"
        seen.add(step.id)


def _units(book: Playbook, catalogue: Catalogue) -> Iterator[str]:
    for step in book.steps:
        if step.action not in catalogue.actions:
            yield f"step {step.id!r}: there is no action {step.action!r}{nearest(step.action, catalogue.actions)}"
    for name, question in book.queries.items():
        if question.query not in catalogue.queries:
            yield f"query {name!r}: there is no query {question.query!r}{nearest(question.query, catalogue.queries)}"
            continue
        known = {field.name for field in dataclasses.fields(catalogue.queries[question.query].question)}
        for asked in question.asks.keys() - known:
            yield f"query {name!r}: {question.query} is not asked for {asked!r}{nearest(asked, known)}"
        for missing in known - question.asks.keys():
            yield f"query {name!r}: {question.query} must be told {missing!r}"


def _references(book: Playbook) -> Iterator[str]:
    steps = {step.id for step in book.steps}
    for step in book.steps:
        if step.source not in book.queries:
            yield f"step {step.id!r}: there is no query {step.source!r}{nearest(step.source, book.queries)}"
        for need in step.needs:
            if need not in steps:
                yield f"step {step.id!r} needs {need!r}, which is no step{nearest(need, steps)}"
    texts = [(name, text) for name, question in book.queries.items() for value in question.asks.values() for text in _texts(value)]
    for name, text in texts:
        found = REFERENCE.fullmatch(text)
        if found is None:
            yield f"query {name!r}: {text!r} is no reference; a value is literal or one whole ${{inputs.x}}"
        elif found[1] != "inputs":
            yield f"query {name!r}: queries are asked of inputs, not of each other"
        elif found[2] not in book.inputs:
            yield f"query {name!r}: there is no input {found[2]!r}{nearest(found[2], book.inputs)}"
    for unused in book.inputs.keys() - {text.removeprefix("${inputs.").removesuffix("}") for _, text in texts}:
        yield f"input {unused!r} is asked for and never used"


def _texts(value: Value) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and "${" in text]


def _cycles(book: Playbook) -> Iterator[str]:
    steps = {step.id: step for step in book.steps}
    for step in book.steps:
        if step.id in _upstream(step, steps):
            yield f"step {step.id!r} needs itself in a circle"


def _upstream(step: Step, steps: Mapping[str, Step]) -> set[str]:
    found: set[str] = set()
    queue = list(step.needs)
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            queue.extend(steps[name].needs)
    return found


def _types(book: Playbook, catalogue: Catalogue) -> Iterator[str]:
    for step in book.steps:
        finds = catalogue.queries[book.queries[step.source].query].target
        wants = catalogue.actions[step.action].target
        if not issubclass(finds, wants):
            yield f"step {step.id!r}: {step.action} acts on {wants.__name__}, but ${{queries.{step.source}}} finds {finds.__name__}"


def _sources(book: Playbook, catalogue: Catalogue) -> Iterator[str]:
    steps = {step.id: step for step in book.steps}
    for step in book.steps:
        before = {steps[name].action for name in _upstream(step, steps)}
        for source in catalogue.actions[step.action].spec.sources:
            if source not in before:
                yield (
                    f"step {step.id!r}: {source} must have closed the source before {step.action} closes what it mints; "
                    f"add that step and `needs: [...]` on it"
                )
