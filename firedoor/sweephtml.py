"""The report of a sweep as one HTML file: its first line the number left over, charts in it, nothing loaded from anywhere."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from firedoor import sweepwords

COLOURS: Final = {
    "ROTATED": "#1b7f4b",
    "REVOKED": "#2b6cb0",
    "GONE": "#718096",
    "EXCEPTED": "#b7791f",
    "PENDING": "#6b46c1",
    "FAILED": "#c53030",
}
SCRIPT: Final = re.compile(r"<script.*?</script>", re.DOTALL)  # that of its charts; nothing runs here
STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a202c}"
    "h1.open{color:#c53030}h1.closed{color:#1b7f4b}figure{margin:1rem 0}code{font-size:.9em}"
    "@media(prefers-color-scheme:dark){body{background:#1a202c;color:#e2e8f0}}"
)


def page(report: Mapping[str, Any]) -> str:
    """The whole file."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only this file needs it

    text = sweepwords.report(report)
    plain = MarkdownIt("js-default").disable(["link", "image", "autolink"])  # whatever a vendor calls its users stays text, HTML too
    first, _, rest = text.partition("\n")
    body = plain.render(rest)
    headline, state = first.removeprefix("# "), "closed" if report["outcome"] == "closed" else "open"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(headline)}</title><style>{STYLE}</style></head>\n"
        f'<body><h1 class="{state}">{escape(headline)}</h1>\n{_charts(report)}\n{body}</body></html>\n'
    )


def _charts(report: Mapping[str, Any]) -> str:
    total: Counter[str] = Counter()
    for counts in report["types"].values():
        total.update(counts)
    if not total:
        return ""
    figures = [_figure("How each ended", _pie(total)), _figure("By type", _bars(report["types"]))]
    return "\n".join(figures)


def _figure(title: str, drawn: str) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption>{drawn}</figure>"


def pygal() -> Any:
    """The library, without what it puts in the way of all later imports: an old kind of finder, of which Python warns."""
    import pygal as library  # noqa: PLC0415 - only who draws needs it

    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, library.PluginImportFixer)]
    return library


def _pie(total: Mapping[str, int]) -> str:
    chart = pygal().Pie(inner_radius=0.5, **_manners(total))
    for name, count in total.items():
        chart.add(f"{name} ({count})", count)
    return svg(chart)


def _bars(types: Mapping[str, Mapping[str, int]]) -> str:
    names = [name for name in COLOURS if any(name in counts for counts in types.values())]
    chart = pygal().HorizontalStackedBar(**_manners(dict.fromkeys(names, 1)))
    chart.x_labels = list(types)
    for name in names:
        chart.add(name, [counts.get(name, 0) for counts in types.values()])
    return svg(chart)


def _manners(names: Mapping[str, int]) -> dict[str, Any]:
    from pygal.style import Style  # noqa: PLC0415 - only this file needs it

    colours = tuple(COLOURS[name] for name in names)
    return {"style": Style(colors=colours, background="transparent"), "js": [], "height": 260, "width": 760, "legend_at_bottom": True}


def svg(chart: Any) -> str:
    """The chart, with nothing that runs in it."""
    text: str = chart.render(is_unicode=True, disable_xml_declaration=True)
    return SCRIPT.sub("", text)
