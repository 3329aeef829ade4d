"""What is wrong with a playbook beyond its shape: names that lead nowhere, circles, and an order that law 13 forbids."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from pydantic import TypeAdapter, ValidationError

from firedoor.catalogue import Catalogue
from firedoor.errors import BadInput, nearest
from firedoor.inputs import bind
from firedoor.model import Tier
from firedoor.playbook import REFERENCE, Input, Playbook, Question, Step, Value


def lint(book: Playbook, catalogue: Catalogue) -> tuple[str, ...]:
    """Every fault, in words; empty for a sound playbook."""
    names = [*_duplicates(book), *_units(book, catalogue), *_references(book)]
    if names:
        return tuple(names)  # what follows needs every name to lead somewhere
    return (
        *_cycles(book),
        *_examples(book),
        *_questions(book, catalogue),
        *_types(book, catalogue),
        *_sources(book, catalogue),
        *_telling(book, catalogue),
    )


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
        fields = {field.name: field for field in dataclasses.fields(catalogue.queries[question.query].question)}
        for asked in question.asks:
            if asked not in fields:
                yield f"query {name!r}: {question.query} is not asked for {asked!r}{nearest(asked, fields)}"
        for missing, field in fields.items():
            if missing not in question.asks and field.default is field.default_factory is dataclasses.MISSING:
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
        if found is None or text in _listed(book.queries[name]):
            yield f"query {name!r}: {text!r} is no reference; a value is literal or one whole ${{inputs.x}}"
        elif found[1] != "inputs":
            yield f"query {name!r}: queries are asked of inputs, not of each other"
        elif found[2] not in book.inputs:
            yield f"query {name!r}: there is no input {found[2]!r}{nearest(found[2], book.inputs)}"
    used = {text for _, text in texts}
    yield from (f"input {name!r} is asked for and never used" for name in book.inputs if f"${{inputs.{name}}}" not in used)
    acted_on = {step.source for step in book.steps}
    yield from (f"query {name!r} finds targets that no step acts on" for name in book.queries if name not in acted_on)


def _texts(value: Value) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and "${" in text]


def _listed(question: Question) -> set[str]:
    """Texts inside lists: no reference is looked for there, so one would be asked as it stands."""
    return {text for value in question.asks.values() if isinstance(value, list) for text in value}


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


def _example(wanted: Input) -> tuple[str, ...]:
    return tuple(wanted.example.split(",")) if wanted.many else (wanted.example,)


def _examples(book: Playbook) -> Iterator[str]:
    for name, wanted in book.inputs.items():
        try:
            bind(book.model_copy(update={"inputs": {name: wanted}}), {name: _example(wanted)})
        except BadInput as error:
            yield f"input {name!r}: its own example cannot be used: {error.what}"
        if wanted.default and (wanted.required or wanted.many):
            yield f"input {name!r}: only an optional input of one value has a default"
            continue
        try:
            bind(book.model_copy(update={"inputs": {name: wanted.model_copy(update={"required": False})}}), {})
        except BadInput as error:
            yield f"input {name!r}: its default cannot be used: {error.what}"


def _questions(book: Playbook, catalogue: Catalogue) -> Iterator[str]:
    """Each query is put once, with the examples, to see that what is given is of the kind that is asked for."""
    given = {f"${{inputs.{name}}}": _example(wanted) if wanted.many else wanted.example for name, wanted in book.inputs.items()}
    for name, question in book.queries.items():
        asks = {key: given.get(value, value) if isinstance(value, str) else value for key, value in question.asks.items()}
        try:
            TypeAdapter(catalogue.queries[question.query].question).validate_python(asks)
        except ValidationError as error:
            for fault in error.errors(include_input=False):
                yield f"query {name!r}: {question.query} is given {fault['loc'][0]!r} of another kind than it asks for: {fault['msg']}"
        except BadInput as error:
            yield f"query {name!r}: {question.query} cannot be asked so: {error.what}"


def _types(book: Playbook, catalogue: Catalogue) -> Iterator[str]:
    for step in book.steps:
        finds = catalogue.queries[book.queries[step.source].query].target
        wants = catalogue.actions[step.action].target
        if not issubclass(finds, wants):
            yield f"step {step.id!r}: {step.action} acts on {wants.__name__}, but ${{queries.{step.source}}} finds {finds.__name__}"


def _sources(book: Playbook, catalogue: Catalogue) -> Iterator[str]:
    """Law 13. Of the sources of what a step closes, one at least must be closed, and all that the playbook closes come before the step."""
    steps = {step.id: step for step in book.steps}
    for step in book.steps:
        spec = catalogue.actions[step.action].spec
        upstream = [steps[name].action for name in _upstream(step, steps) if _same_targets(steps[name], step, book, catalogue)]
        there = {other.action for other in book.steps if other.action in (*spec.sources, *spec.after)}
        due = [action for action in (*spec.sources, *spec.after) if action in there]
        if spec.sources and not there.intersection(spec.sources):
            due = [" or ".join(spec.sources)]
        for action in due:
            if action not in upstream:
                yield (
                    f"step {step.id!r}: {action} must have closed the source before {step.action} closes what it mints; "
                    f"add that step, for each of the same targets, and `needs: [...]` on it"
                )


def _telling(book: Playbook, catalogue: Catalogue) -> Iterator[str]:
    """Tickets and notices come last by themselves, and nothing waits for them: people are told whatever became of the rest."""
    telling = {step.id for step in book.steps if catalogue.actions[step.action].spec.approvals is Tier.AUTO}
    for step in book.steps:
        if step.id in telling and step.needs:
            yield f"step {step.id!r} tells people what was done, and comes after everything else by itself: leave out its `needs`"
        for need in step.needs:
            if need in telling and step.id not in telling:
                yield f"step {step.id!r} would wait for {need!r}, which only tells people: containment waits for nobody to read"


def _same_targets(earlier: Step, later: Step, book: Playbook, catalogue: Catalogue) -> bool:
    """Whether the one closes the sources of the other's own targets: of the same query, perhaps asked more narrowly the second time.

    Kinds of targets that differ cannot be compared by name.
    """
    one, other = book.queries[earlier.source], book.queries[later.source]
    if one.query == other.query and one.asks.items() <= other.asks.items():
        return True
    kinds = [catalogue.actions[step.action].target for step in (earlier, later)]
    return not (issubclass(kinds[0], kinds[1]) or issubclass(kinds[1], kinds[0]))
