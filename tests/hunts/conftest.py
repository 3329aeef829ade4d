"""What takes long is run when it is asked for by its marker: ``pytest -m scale tests/hunts``."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "scale" in (config.option.markexpr or ""):
        return
    large = [item for item in items if item.get_closest_marker("scale")]
    config.hook.pytest_deselected(items=large)
    items[:] = [item for item in items if item not in large]
