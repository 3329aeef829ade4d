"""What a person's eyes would complain of in a page: letters too pale, things on top of each other, things cut off at the side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Frame, Page

# A button that was pressed just now takes a moment to change its colours: what is in between nobody reads.
STANDS_STILL = "Promise.all(document.getAnimations().map((one) => one.finished.catch(() => null)))"
MEASURES = (Path(__file__).parent / "seeing.js").read_text(encoding="utf-8")


async def faults(page: Page | Frame) -> list[str]:
    """The texts in sight that WCAG 2.2 AA calls too pale for what is behind them; what overlaps, is covered, or wider than its place."""
    await page.evaluate(STANDS_STILL)
    found: dict[str, Any] = await page.evaluate(MEASURES)
    assert found["contrasts"], "no text is in sight: there is nothing to measure"
    pale = [f"{one['text']!r} has {one['ratio']:.2f}, needs {one['needed']}" for one in found["contrasts"] if one["ratio"] < one["needed"]]
    return pale + list(found["crowded"])
