"""What a store raises."""

from __future__ import annotations


class StoreUnavailable(Exception):
    """The store gave no answer, so the request is refused: ISO-9000, never let through. V1-STORE-01.

    The message is for the log. It names the store and the fault, and holds no key, nonce, password or token.
    """


class StoreUrlError(ValueError):
    """A text that names no store. The message does not repeat the text: a password or a token may stand in it."""


class PackageMissing(ImportError):
    """The package that a store needs is not installed; the message names the extra that brings it."""
