"""Independent implementations of the primitives, each as a `Suite`: witnesses, never a silent replacement.

| name | module | libraries |
|---|---|---|
| `reference` | `nen_ref.primitives.suite` | none, our own code |
| `pypi` | `pypi` | kyber-py, dilithium-py; AEAD, HMAC, HKDF and X25519 are those of `pycryptodome` |
| `pycryptodome` | `pycryptodome` | pycryptodome |
| `cryptography` | `pyca` | cryptography (OpenSSL); opens and verifies, cannot reproduce |

Nothing falls back: a library that is missing raises MissingLibraryError, an operation that a library
cannot do raises Unsupported and is named, with the reason, in the suite's `unsupported`.
"""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from nen_ref.primitives.suite import REFERENCE, REFERENCE_PARTS, Parts, Suite

_MODULES = {
    "pypi": "nen_ref.providers.pypi",
    "pycryptodome": "nen_ref.providers.pycryptodome",
    "cryptography": "nen_ref.providers.pyca",
}

PROVIDERS = (REFERENCE.name, *_MODULES)
"""The names that `provider` knows."""


class Unsupported(NotImplementedError):
    """A library cannot do this operation, whatever the arguments."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation}: {reason}")
        self.operation = operation
        self.reason = reason


class MissingLibraryError(ImportError):
    """A provider's library is not installed, or too old."""


class UnknownProviderError(ValueError):
    """There is no provider of this name."""


def provider(name: str) -> Suite:
    """The suite of this name, one of PROVIDERS.

    Raises UnknownProviderError, and MissingLibraryError if the libraries behind it cannot be imported.
    """
    if name == REFERENCE.name:
        return REFERENCE
    suite: Suite = _module(name).SUITE
    return suite


def parts(name: str) -> Parts:
    """The parts of this provider's suite. Raises as `provider`."""
    if name == REFERENCE.name:
        return REFERENCE_PARTS
    found: Parts = _module(name).PARTS
    return found


def _module(name: str) -> ModuleType:
    if name not in _MODULES:
        raise UnknownProviderError(f"no provider named {name!r}; there are {', '.join(PROVIDERS)}")
    try:
        return import_module(_MODULES[name])
    except ImportError as error:
        if (error.name or "").startswith("nen_ref"):
            raise  # a fault of ours, not a missing library
        raise MissingLibraryError(
            f"provider {name!r} needs a library that is missing or too old ({error}): pip install nen-ref[oracles]",
            name=error.name,
        ) from error


def unsupported(operation: str, reason: str) -> Callable[..., NoReturn]:
    """What stands in a Suite for an operation that the library cannot do: raises Unsupported when called."""

    def refuse(*_arguments: bytes) -> NoReturn:
        raise Unsupported(operation, reason)

    return refuse
