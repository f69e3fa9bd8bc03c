"""Text from a target, made fit to be shown: a report holds whatever a hostile or broken peer has said."""

from __future__ import annotations

import re

# What XML and JSON cannot carry, what commands a terminal, and what turns the direction of the text around it.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_SHORT = {"\r": "\\r"}


def visible(text: str) -> str:
    """`text` with every character that cannot be stored or shown written as its escape; LF and tab stay."""
    return _UNFIT.sub(lambda match: _escape(match[0]), text)


def shortened(text: str, limit: int) -> str:
    """At most about `limit` characters of `text`, with a note of how many are left out."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


def number(count: int, noun: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _escape(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"
