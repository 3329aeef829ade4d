"""The eyes of the other tests: they see what is wrong, and nothing where nothing is."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Windows
from tests.browser.seeing import faults

pytestmark = pytest.mark.browser
WRONG = {
    "<p style='color:#999'>grey on white</p>": "needs 4.5",
    "<p style='opacity:.6'>half there</p>": "needs 4.5",
    "<div style='background:#000'><p style='background:#fffc;color:#777'>through a veil</p></div>": "needs 4.5",
    "<input placeholder='pale'><style>::placeholder{color:#aaa}</style>": "needs 4.5",
    "<button>one</button><button style='margin-left:-20px'>two</button>": "lies on",
    "<p style='width:3000px'>wide</p>": "wider than its window",
    "<div style='overflow:auto;width:80px'><p style='width:300px'>cut off</p></div>": "cut off at its side",
    "<p>hidden behind</p><div style='position:fixed;inset:0;background:#fff'></div>": "is covered by",
}
RIGHT = (
    "<p style='color:#595959'>grey enough</p>",
    "<h1 style='color:#888'>large may be paler</h1>",
    "<button>one</button> <button>two</button>",
    "<div style='overflow:auto;height:20px'><p>first</p><p style='margin-top:90px'>scrolled away</p></div>",
    "<p style='color:#999'>behind</p><dialog><p>on top</p></dialog><script>document.querySelector('dialog').showModal()</script>",
)


async def test_they_see_what_is_wrong(windows: Windows) -> None:
    page = await windows.open("about:blank")
    for markup, words in WRONG.items():
        await page.set_content(markup)
        assert any(words in fault for fault in await faults(page)), markup


async def test_they_see_nothing_where_nothing_is(windows: Windows) -> None:
    page = await windows.open("about:blank")
    for markup in RIGHT:
        await page.set_content(f"<body style='background:#fff'>{markup}</body>")
        assert await faults(page) == [], markup
