"""A suite of its own: `make credentials` runs it; what takes long is run when it is asked for by its marker, as `make hunt` does."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.credentials)
    if "scale" in (config.option.markexpr or ""):
        return
    large = [item for item in items if item.get_closest_marker("scale")]
    config.hook.pytest_deselected(items=large)
    items[:] = [item for item in items if item not in large]
