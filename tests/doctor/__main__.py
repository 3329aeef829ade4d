"""``python -m tests.doctor``: writes docs/doctor.md."""

from __future__ import annotations

import asyncio

from tests.doctor.page import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(asyncio.run(page()), encoding="utf-8")
