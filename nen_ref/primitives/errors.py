"""What can go wrong in a primitive. Every one is a ValueError; no other exception is caused by input."""


class PrimitiveError(ValueError):
    """Base of all errors of the primitives."""


class LengthError(PrimitiveError):
    """An argument has a length that the standard does not allow."""

    @classmethod
    def check(cls, name: str, value: bytes, length: int) -> None:
        """Raise unless `value` is bytes-like of exactly `length` bytes. Names the argument, never its content."""
        if len(value) != length:
            raise cls(f"{name} must be {length} bytes, not {len(value)}")


class KeyCheckError(PrimitiveError):
    """A key of the right length fails a check of its standard (FIPS 203, 7.2 and 7.3)."""


class EncodingError(PrimitiveError):
    """A DER structure is not the one encoding that the standard allows (RFC 9881)."""


class ContextError(PrimitiveError):
    """A signature context is longer than 255 bytes (FIPS 204, algorithms 2 and 3)."""


class LimitError(PrimitiveError):
    """More data than one key and nonce may cover (RFC 8439, 2.8: 2^38 - 64 bytes, 2^32 blocks), or than one call
    may derive (RFC 5869, 2.3: 8160 bytes)."""


class AuthenticationError(PrimitiveError):
    """An AEAD tag does not verify: no plaintext is released (RFC 8439, 2.8)."""
