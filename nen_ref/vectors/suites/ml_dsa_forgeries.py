"""Signatures for the suite of ML-DSA-65 verification that the holder of no key could make: under a `FreeKey`.

Each of the wrong ones is what a verifier without one certain check accepts, since its c_tilde fits what that verifier
reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nen_ref.primitives.ml_dsa import ML_DSA_65, Vector, q
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.suites.ml_dsa_tools import (
    OMEGA,
    Z_BOUND,
    FreeKey,
    assemble,
    drawn_z,
    hint,
    hint_bytes,
    with_value,
)

GAMMA1, GAMMA2 = ML_DSA_65.gamma1, ML_DSA_65.gamma2


class Made(NamedTuple):
    """A signature with what a vector of it is called."""

    id: str
    comment: str
    signature: bytes
    flag: str


# Hints

ROWS: tuple[list[int], ...] = ([3, 7, 200], [0, 5], [255], [], [1, 2], [10, 20, 30])
"""The places of a hint to make wrong encodings of."""


def encoded(*rows: Sequence[int]) -> bytes:
    """The places of the rows as they come, and where each row ends."""
    places: list[int] = []
    ends = []
    for row in rows:
        places += row
        ends.append(len(places))
    return hint_bytes(places, ends)


def instead(row: int, places: Sequence[int]) -> bytes:
    """ROWS with one row encoded in another way."""
    return encoded(*ROWS[:row], places, *ROWS[row + 1 :])


def right_hints() -> Iterator[tuple[str, str, bytes, Vector, str]]:
    """id, comment, encoding, what it says, flag."""
    rows: dict[str, tuple[str, Sequence[Sequence[int]], str]] = {
        "none": ("no hint: 61 zero bytes", [[]] * 6, "HintEdge"),
        "full-first-row": ("55 ones, all in the first polynomial", [range(55), *[[]] * 5], "HintMaximal"),
        "full-last-row": ("55 ones, all in the last polynomial", [*[[]] * 5, range(201, 256)], "HintMaximal"),
        "full-spread": (
            "55 ones in all polynomials",
            [range(i, 256, 29) for i in range(5)] + [range(10)],
            "HintMaximal",
        ),
        "one-unused": ("54 ones, which leaves one byte unused", [range(9)] * 6, "HintEdge"),
        "place-0": ("place 0 in every polynomial", [[0]] * 6, "HintEdge"),
        "place-255": ("place 255 in every polynomial", [[255]] * 6, "HintEdge"),
        "both-borders": ("places 0 and 255 in every polynomial", [[0, 255]] * 6, "HintEdge"),
        "row-starts-lower": ("each polynomial begins at a lower place than the one before", ROWS, "HintEdge"),
        "only-last-row": ("a one in the last polynomial alone", [*[[]] * 5, [128]], "HintEdge"),
    }
    for name, (comment, places, flag) in rows.items():
        yield f"hint-{name}", comment, encoded(*places), hint(*places), flag


def wrong_hints() -> Iterator[tuple[str, str, bytes, Vector, str]]:
    """id, comment, encoding, what a decoder reads that leaves the check out, flag."""
    whole = hint(*ROWS)
    reordered = {
        "first-row-first-pair": ("the first two places of the first polynomial descend", 0, [7, 3, 200]),
        "first-row-last-pair": ("the last two places of the first polynomial descend", 0, [3, 200, 7]),
        "middle-row": ("the places of the second polynomial descend, the last one being 0", 1, [5, 0]),
        "last-row-first-pair": ("the first two places of the last polynomial descend", 5, [20, 10, 30]),
        "last-row-last-pair": ("the last two places of the last polynomial descend", 5, [10, 30, 20]),
        "last-row-reversed": ("all places of the last polynomial descend", 5, [30, 20, 10]),
    }
    for name, (comment, row, places) in reordered.items():
        yield f"hint-descends-{name}", comment, instead(row, places), whole, "HintOrder"
    repeated = {
        "first-row": ("the first place of the first polynomial stands twice", 0, [3, 3, 7, 200]),
        "first-row-last": ("the last place of the first polynomial stands twice", 0, [3, 7, 200, 200]),
        "place-0": ("place 0 of the second polynomial stands twice", 1, [0, 0, 5]),
        "place-255": ("place 255, the only one of the third polynomial, stands twice", 2, [255, 255]),
        "last-row": ("the last place of the last polynomial stands twice", 5, [10, 20, 30, 30]),
        "to-the-end": (
            "the last place of the last polynomial is repeated until no byte is unused",
            5,
            [10, 20] + [30] * 45,
        ),
    }
    for name, (comment, row, places) in repeated.items():
        yield f"hint-repeats-{name}", comment, instead(row, places), whole, "HintRepeat"
    yield from _padded(whole)
    yield from _beyond()
    yield from _descending_ends()


def _padded(whole: Vector) -> Iterator[tuple[str, str, bytes, Vector, str]]:
    right, used = encoded(*ROWS), sum(map(len, ROWS))
    empty, full = encoded(*[[]] * 6), encoded(*[range(9)] * 6)
    at = {
        "first": ("the first unused byte is 1", right, used, b"\x01", whole),
        "first-ascending": ("the first unused byte goes on where the last place ends", right, used, b"\x1f", whole),
        "middle": ("an unused byte in the middle is 1", right, 33, b"\x01", whole),
        "last": ("the last unused byte is 1", right, OMEGA - 1, b"\x01", whole),
        "last-top-bit": ("the last unused byte is 128", right, OMEGA - 1, b"\x80", whole),
        "all": ("all unused bytes are 255", right, used, b"\xff" * (OMEGA - used), whole),
        "first-of-none": ("the first byte is 1, with a hint of no ones", empty, 0, b"\x01", hint()),
        "last-of-none": ("the last byte is 1, with a hint of no ones", empty, OMEGA - 1, b"\x01", hint()),
        "only": ("the only unused byte is 9, with a hint of 54 ones", full, OMEGA - 1, b"\x09", hint(*[range(9)] * 6)),
    }
    for name, (comment, base, place, put, read) in at.items():
        yield f"hint-unused-{name}", comment, base[:place] + put + base[place + len(put) :], read, "HintPadding"


def _beyond() -> Iterator[tuple[str, str, bytes, Vector, str]]:
    """A decoder without the check reads ends as places; here they ascend, so that no other check refuses them."""
    head = [*range(50), 1, 2, 3, 4, 49]
    for end in (56, 57, 61, 255):
        ends = [50, 51, 52, 53, 54, end]
        rows = [range(50), [1], [2], [3], [4], [49, *ends[: min(end, 61) - OMEGA]]]
        comment = f"the last polynomial ends at {end}, and there are 55 bytes of places"
        yield f"hint-last-end-{end}", comment, hint_bytes(head, ends), hint(*rows), "HintEndBeyond"
    middle = hint_bytes([*range(50), 1, 2, 47, 48, 49], [50, 51, 52, 56, 56, 56])
    rows = [range(50), [1], [2], [47, 48, 49, 50]]
    yield (
        "hint-fourth-end-56",
        "the fourth polynomial and those behind it end at 56",
        middle,
        hint(*rows),
        "HintEndBeyond",
    )
    first = hint_bytes(range(55), [56] * 6)
    yield "hint-first-end-56", "all polynomials end at 56", first, hint([*range(55), 56]), "HintEndBeyond"


def _descending_ends() -> Iterator[tuple[str, str, bytes, Vector, str]]:
    """There are two ways to read on behind an end that descends: from where the reader is, or from that end."""
    flag = "HintEndsDescend"
    places = [3, 7, 200]
    yield (
        "hint-ends-descend-last", "the last polynomial ends one byte before the one in front of it, whose place is 0",
        hint_bytes([3, 7, 0], [2, 2, 2, 2, 3, 2]), hint([3, 7], [], [], [], [0]), flag,
    )  # fmt: skip
    yield (
        "hint-ends-descend-to-0", "the last polynomial ends at 0, behind others that end at 3",
        hint_bytes(places, [3, 3, 3, 3, 3, 0]), hint(places), flag,
    )  # fmt: skip
    yield (
        "hint-ends-descend-read-on", "the second polynomial ends before the first, and a place is not read again",
        hint_bytes(places, [3, 2, 3, 3, 3, 3]), hint(places), flag,
    )  # fmt: skip
    yield (
        "hint-ends-descend-read-again", "the second polynomial ends before the first, and a place is read again",
        hint_bytes(places, [3, 2, 3, 3, 3, 3]), hint(places, [], [200]), flag,
    )  # fmt: skip
    yield (
        "hint-ends-descend-all-again", "the fifth polynomial ends at 0, and the last has all places of the others",
        hint_bytes(places, [3, 3, 3, 3, 0, 3]), hint(places, [], [], [], [], places), flag,
    )  # fmt: skip


def with_hints(draw: Draw, key: FreeKey, M: bytes, right: bool) -> Iterator[Made]:
    """Signatures with the hints of one of the lists above."""
    z = drawn_z(draw)
    for id, comment, encoding, read, flag in right_hints() if right else wrong_hints():
        yield Made(id, comment, assemble(key.c_tilde(M, z, read), z, encoding), flag)


# Responses


def with_norms(draw: Draw, key: FreeKey, M: bytes) -> Iterator[Made]:
    """z with coefficients on both sides of the bound; those in the bound are right."""
    z, most = drawn_z(draw), Z_BOUND - 1
    places = {"first": (0, 0), "last": (4, 255)}
    made: list[tuple[str, str, Vector, str]] = [
        ("zero", "all coefficients of z are 0", [[0] * 256] * 5, "ZEdge"),
        ("all-maximal", f"all coefficients of z are {most}", [[most] * 256] * 5, "ZNormMaximal"),
        ("all-minimal", f"all coefficients of z are {-most}", [[-most] * 256] * 5, "ZNormMaximal"),
        ("all-at-the-bound", f"all coefficients of z are {Z_BOUND}", [[Z_BOUND] * 256] * 5, "ZNormAtBound"),
        ("all-at-minus-the-bound", f"all coefficients of z are {-Z_BOUND}", [[-Z_BOUND] * 256] * 5, "ZNormAtBound"),
    ]
    for name, (row, place) in places.items():
        for value, flag in (
            (most, "ZNormMaximal"),
            (-most, "ZNormMaximal"),
            (Z_BOUND, "ZNormAtBound"),
            (-Z_BOUND, "ZNormAtBound"),
            (GAMMA1, "ZNormBeyond"),
            (1 - GAMMA1, "ZNormBeyond"),
        ):
            sign = "minus-" if value < 0 else ""
            comment = f"the {name} coefficient of z is {value}"
            made.append((f"{name}-{sign}{abs(value)}", comment, with_value(z, row, place, value), flag))
    for row in (1, 2, 3):
        value = Z_BOUND if row % 2 else -Z_BOUND
        comment = f"coefficient 128 of polynomial {row} of z (from 0) is {value}"
        made.append((f"row-{row}", comment, with_value(z, row, 128, value), "ZNormAtBound"))
    none = encoded(*[[]] * 6)
    for name, comment, f, flag in made:
        yield Made(f"z-{name}", comment, assemble(key.c_tilde(M, f, hint()), f, none), flag)


# Rounding

W_EDGES = {
    "0": (0, "r1 = 0, r0 = 0; a hint leads down and around, to 15"),
    "1": (1, "r1 = 0, r0 = 1; a hint leads up, to 1"),
    "minus-1": (q - 1, "r1 = 0, r0 = -1; a hint leads down and around, to 15"),
    "half": (GAMMA2, "r1 = 0, r0 = gamma2; a hint leads up, to 1"),
    "half-and-1": (GAMMA2 + 1, "r1 = 1, r0 = 1 - gamma2; a hint leads down, to 0"),
    "step": (2 * GAMMA2, "r1 = 1, r0 = 0; a hint leads down, to 0"),
    "step-and-1": (2 * GAMMA2 + 1, "r1 = 1, r0 = 1; a hint leads up, to 2"),
    "top-half": (q - 1 - GAMMA2, "r1 = 15, r0 = gamma2; a hint leads up and around, to 0"),
    "wrap": (q - GAMMA2, "r1 = 0, r0 = -gamma2; a hint leads down and around, to 15"),
}
"""Coefficients that UseHint is given, at the edges of Decompose."""


def with_edges_of_w(draw: Draw, key: FreeKey, M: bytes) -> Iterator[Made]:
    """Right signatures, for which a coefficient of w' is one of W_EDGES, without and with a hint there."""
    for name, (target, says) in W_EDGES.items():
        z, row, place = key.z_with(draw.under(name), target)
        rows: list[list[int]] = [[] for _ in range(6)]
        where = f"polynomial {row}, coefficient {place} of A * z is {target}: {says.partition(';')[0]}"
        yield Made(
            f"w-{name}", f"{where}, without a hint",
            assemble(key.c_tilde(M, z, hint()), z, encoded(*rows)), "DecomposeEdge",
        )  # fmt: skip
        rows[row] = [place]
        yield Made(
            f"w-{name}-hint", f"polynomial {row}, coefficient {place} of A * z is {target}: {says}",
            assemble(key.c_tilde(M, z, hint(*rows)), z, encoded(*rows)), "UseHintEdge",
        )  # fmt: skip
