"""Text from outside made safe to show: nothing Slack acts on, nothing invisible, nothing that crowds out the rest. Pure.

Outside text goes into ``plain_text`` objects only: Slack parses no mention, link or formatting there. What stands in ``mrkdwn`` is our own.
Source: docs.slack.dev, "Formatting message text" and "Text object".
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

Block: TypeAlias = dict[str, Any]

SECTION: Final = 2700  # of Slack's 3,000: room for the line that counts what was left out
LINE: Final = 300
HEADER: Final = 150
HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
BLANK: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters and signs that show as nothing


def escape(text: str) -> str:
    """Slack's three control characters as entities, so that no mention, link or broadcast can be written with them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clear(text: str) -> str:
    """One line in which everything can be seen.

    A character that is invisible or turns the direction of writing shows as its code point. A letter of another script inside a word with
    plain Latin ones is followed by its code point: a Cyrillic one that looks like an ``a``.
    """
    return " ".join("".join(_seen(character, mixed=_latin(word)) for character in word) for word in text.split())


def shorten(text: str, most: int = LINE) -> str:
    """At most ``most`` characters of the text, cleared and escaped; what was cut off is counted."""
    line = " ".join(text.split())
    end = min(most, len(line))
    while weight(shown := escape(clear(line[:end]))) > SECTION - LINE:
        end = end * 3 // 4
    cut = len(line) - end
    return shown + (f"… ({cut} more characters)" if cut else "")


def weight(text: str) -> int:
    """What a text takes of Slack's limits: its length as JSON, which is never less than its characters."""
    return len(json.dumps(text)) - 2


def pack(lines: Sequence[str], *, most: int, sections: int) -> list[str]:
    """The lines, shortened, in at most ``sections`` texts that Slack takes; lines that do not fit are counted, never dropped in silence."""
    texts = [""]
    for index, whole in enumerate(lines):
        line = shorten(whole)
        full = weight(texts[-1]) + weight(line) + 2 > SECTION
        if index == most or (full and len(texts) == sections):
            texts[-1] += f"\n… and {len(lines) - index} more"
            break
        if full:
            texts.append(line)
        else:
            texts[-1] += f"\n{line}" if texts[-1] else line
    return [text for text in texts if text]


def plain(text: str) -> Block:
    """A text object in which outside text is safe. ``text`` is escaped already."""
    return {"type": "plain_text", "text": text, "emoji": False}


def fit(text: str, most: int) -> str:
    """The text, cleared and escaped, in at most ``most`` characters: for titles and the like, where there is no room to count the rest."""
    whole = clear(text[: most * 2])
    while len(escape(whole)) > most:
        whole = whole[: len(whole) - 9].rstrip() + "…"
    return escape(whole)


def header(text: str) -> Block:
    """A header block."""
    return {"type": "header", "text": plain(fit(text, HEADER))}


def said(text: str) -> Block:
    """A section with outside text, shortened already."""
    return {"type": "section", "text": plain(text)}


def own(text: str) -> Block:
    """A section with our own words, formatted. Nothing from outside belongs in it."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def context(*texts: Block) -> Block:
    """A context block of text objects."""
    return {"type": "context", "elements": list(texts)}


def _latin(word: str) -> bool:
    return any(character.isascii() and character.isalpha() for character in word)


def _seen(character: str, *, mixed: bool) -> str:
    if character.isascii() and character.isprintable():
        return character
    code = f"[U+{ord(character):04X}]"
    if unicodedata.category(character) in HIDDEN or character in BLANK:
        return code
    foreign = mixed and character.isalpha() and not unicodedata.name(character, "").startswith("LATIN ")
    return character + code if foreign else character
