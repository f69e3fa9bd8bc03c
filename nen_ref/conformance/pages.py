"""What the HTML pages share: templates, filters, and the policy that forbids every request."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from nen_ref import __version__
from nen_ref.conformance.model import Outcome
from nen_ref.conformance.text import visible
from nen_ref.conformance.words import WORDS

MEANINGS = {
    Outcome.PASS: "behaves as the specification says",
    Outcome.NOT_OFFERED: "needs an optional capability that the target did not declare",
    Outcome.SKIP: "the target offers it, and declined all the same",
    Outcome.WRONG_CODE: "refused, but with another code or status",
    Outcome.FAIL: "does something else than the specification says",
    Outcome.CRASH: "went down, closed the connection, or answered 5xx without a code",
    Outcome.HANG: "no answer in time",
    Outcome.ERROR: "no verdict: a check that never reported, or an answer outside of the harness protocol",
}


def render(template: str, **values: object) -> str:
    """The page as text: one file, its only script allowed by its digest, nothing else ever loaded."""
    environment = _environment()
    script = environment.get_template(template.replace(".html.j2", ".js.j2")).render().strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(template).render(
        **values,
        script=Markup(script),
        script_digest=f"sha256-{digest}",
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("nen_ref.conformance"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals |= {
        "suite": f"nen-ref {__version__}",
        "outcomes": list(Outcome),
        "words": WORDS,
        "meanings": MEANINGS,
    }
    environment.filters["visible"] = visible
    environment.filters["prose"] = _prose
    return environment


def _prose(text: str) -> Markup:
    """A sentence of the specification: what stands between back quotes is code."""
    parts = text.split("`")
    code = len(parts) % 2 == 1  # else one back quote is left over, and none means anything
    marked = [
        Markup("<code>{}</code>").format(part) if index % 2 and code else escape(part)
        for index, part in enumerate(parts)
    ]
    return Markup("" if code else "`").join(marked)
