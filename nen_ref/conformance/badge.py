"""A badge for a README: flat SVG, drawn from a report for machines."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from nen_ref.conformance.model import Outcome
from nen_ref.conformance.report_json import ReportDocument
from nen_ref.conformance.text import number, shortened, visible

GREEN = "#2f7d1f"  # white on each of these has a contrast of at least 4.5
RED = "#b3261e"
GREY = "#5f6368"

_PADDING = 6.0
_HEIGHT = 20
# Advance widths of Verdana at 11 px, in pixels, by character; what is not named is about as wide as a digit.
_WIDTHS = {
    **dict.fromkeys("ijlI'|", 3.6),
    **dict.fromkeys(" .,:;!()[]ftr/-", 4.8),
    **dict.fromkeys("JLsczvxyk", 6.0),
    **dict.fromkeys("mwMW%@", 10.4),
    **dict.fromkeys("ABCDEGHKNOPQRUVXY", 7.9),
}
_WIDTH = 7.0


def badge_svg(document: ReportDocument) -> str:
    """`Nen V1 | 301/301` in green, or `failing 3` in red; a title says it in words.

    The first number is that of the passed cases, the second that of all but those that the implementation does not
    offer. Findings of recommended and hardening cases lower the first number and leave the badge green.
    """
    label = f"Nen {document.protocol.upper()}"
    message, colour = _message(document)
    left, right = text_width(label) + 2 * _PADDING, text_width(message) + 2 * _PADDING
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": f"{left + right:.0f}",
            "height": str(_HEIGHT),
            "viewBox": f"0 0 {left + right:.0f} {_HEIGHT}",
            "role": "img",
            "aria-labelledby": "nen-badge-title",
        },
    )
    ET.SubElement(root, "title", id="nen-badge-title").text = _title(document, label, message)
    clip = ET.SubElement(root, "clipPath", id="nen-badge-round")
    ET.SubElement(clip, "rect", width=f"{left + right:.0f}", height=str(_HEIGHT), rx="3")
    plates = ET.SubElement(root, "g", {"clip-path": "url(#nen-badge-round)"})
    ET.SubElement(plates, "rect", width=f"{left:.1f}", height=str(_HEIGHT), fill="#444")
    ET.SubElement(plates, "rect", x=f"{left:.1f}", width=f"{right:.1f}", height=str(_HEIGHT), fill=colour)
    words = ET.SubElement(
        root,
        "g",
        {"fill": "#fff", "text-anchor": "middle", "font-family": "Verdana,DejaVu Sans,sans-serif", "font-size": "11"},
    )
    for text, middle in ((label, left / 2), (message, left + right / 2)):
        place = {"x": f"{middle:.1f}", "y": "14", "textLength": f"{text_width(text):.1f}"}
        ET.SubElement(words, "text", place).text = text
    return ET.tostring(root, encoding="unicode") + "\n"


def text_width(text: str) -> float:
    """The width of `text` in Verdana at 11 px, in pixels."""
    return sum(_WIDTHS.get(char, _WIDTH) for char in text)


def _message(document: ReportDocument) -> tuple[str, str]:
    failing = sum(result.gates for result in document.results)
    offered = len(document.results) - document.count(Outcome.NOT_OFFERED)
    if failing:
        return f"failing {failing}", RED
    if not document.passed:
        return "nothing examined", GREY
    return f"{document.count(Outcome.PASS)}/{offered}", GREEN


def _title(document: ReportDocument, label: str, message: str) -> str:
    name = shortened(visible(document.implementation.label), 80)
    passed = f"{document.count(Outcome.PASS)} of {number(len(document.results), 'case')} passed"
    not_offered = document.count(Outcome.NOT_OFFERED)
    notes = f", {not_offered} not offered" if not_offered else ""
    return f"{label} conformance of {name}: {message} ({passed}{notes}; {visible(document.suite)})"
