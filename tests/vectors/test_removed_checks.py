"""Removing any one check from the reference makes some vector fail, as issue 4 demands: the proof, check by check.

`removed_checks` says what counts as a check. All vectors are answered once by the whole reference while every check
tells when it refuses. The reference without a check can only differ where that check refuses, so it then answers these
vectors, until one comes out wrong. What no vector can show stands here with its reason, and nothing else does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nen_ref.vectors.build import answer, calls
from nen_ref.vectors.witness import agrees
from tests.vectors.removed_checks import Check, checks, find, modules, parse, removed, told

VECTORS = Path(__file__).parents[2] / "vectors"

CHECKS = {check.id: check for module in modules() for check in checks(module)}

SCHEMA = "the schema of every operation that comes here fixes this size, so that no harness can be asked"
OWN = "our own functions call it, always with this size: what comes from outside was refused before"
LIMIT = "only reached after 2^32 blocks or events, or 2^38 bytes"
UNASKED = "no operation calls it"
POLICY = "no operation gives the server a policy, and the default one has no say"
STATE = "an operation begins anew and ends with its answer: there is no object to use once more"
CLIENT = "no operation has a client's session or the headers of an answer; the cases of clients do (conformance suite)"
TEXT = "a JSON text has none, nor has a vector: what comes to the operation was read strictly before"
OPEN = "FIPS 204 leaves open what becomes of an sk that no keygen has made"

EXCUSED = {
    "primitives.chacha20_poly1305.chacha20_block: _check_blocks(key, counter, nonce, 1)": SCHEMA,
    "primitives.chacha20_poly1305.chacha20_blocks: _check_blocks(key, counter, nonce, n)": OWN,
    "primitives.chacha20_poly1305._check_blocks: LengthError.check('key', key, KEY_LENGTH)": SCHEMA,
    "primitives.chacha20_poly1305._check_blocks: LengthError.check('nonce', nonce, NONCE_LENGTH)": SCHEMA,
    "primitives.chacha20_poly1305._check_blocks: 0 <= counter": SCHEMA,
    "primitives.chacha20_poly1305._check_blocks: counter <= counter + n": OWN,
    "primitives.chacha20_poly1305._check_blocks: counter + n <= MAX_BLOCKS": LIMIT,
    "primitives.chacha20_poly1305.ChaCha20": SCHEMA,
    "primitives.chacha20_poly1305.Poly1305.__init__": SCHEMA,
    "primitives.chacha20_poly1305.Poly1305.update": STATE,
    "primitives.chacha20_poly1305.Poly1305.digest": STATE,
    "primitives.chacha20_poly1305.Poly1305._check_not_finished": STATE,
    "primitives.chacha20_poly1305.aead_encrypt": LIMIT,
    "primitives.chacha20_poly1305.aead_decrypt: _check_plaintext_length(len(sealed) - TAG_LENGTH)": LIMIT,
    "primitives.chacha20_poly1305._check_plaintext_length": LIMIT,
    "primitives.chacha20_poly1305.AeadDecryptor": UNASKED,
    "primitives.hkdf_sha256.hkdf_expand: len(PRK) < HASH_LENGTH": OWN,
    "primitives.hkdf_sha256.hkdf_expand: 0 <= L": SCHEMA,
    "primitives.hmac_sha256.verify": UNASKED,
    "primitives.ml_dsa.keygen_internal": SCHEMA,
    "primitives.ml_dsa.sign_internal": SCHEMA,
    "primitives.ml_dsa.sign_mu": OPEN,
    "primitives.ml_dsa.begin_signing: LengthError.check('mu', mu, 64)": OWN,
    "primitives.ml_dsa.begin_signing: LengthError.check('rnd', rnd, 32)": SCHEMA,
    "primitives.ml_dsa.attempt: not lanes.norm_below(ct0, k, gamma2)": (
        "never so with ML-DSA-65: 49 coefficients of c times 4096 is less than gamma2, 261888"
    ),
    "primitives.ml_dsa.verify_internal": OWN,
    "primitives.ml_dsa.verify_mu: LengthError.check('mu', mu, 64)": OWN,
    "primitives.ml_dsa_lanes.unpack_bits": OWN,
    "primitives.ml_dsa.hint_bit_unpack: LengthError.check('y', y, params.omega + params.k)": OWN,
    "primitives.ml_dsa.pk_decode": OWN,
    "primitives.ml_dsa.sk_decode: LengthError.check('sk', sk, params.sk_size)": SCHEMA,
    "primitives.ml_dsa.sk_decode: infinity_norm(s) > params.eta": OPEN,
    "primitives.ml_dsa.sig_decode": OWN,
    "primitives.ml_dsa_keys.encode_spki": SCHEMA,
    "primitives.ml_dsa_keys.encode_pkcs8_seed": UNASKED,
    "primitives.ml_kem.encaps": UNASKED + "; the protocol checks the key itself",
    "primitives.ml_kem.keygen_internal": SCHEMA,
    "primitives.ml_kem.encaps_internal: LengthError.check('m', m, SEED_SIZE)": SCHEMA,
    "primitives.ml_kem.k_pke_keygen": SCHEMA,
    "primitives.ml_kem.k_pke_encrypt: LengthError.check('m', m, SEED_SIZE)": SCHEMA,
    "primitives.ml_kem.k_pke_encrypt: LengthError.check('r', r, SEED_SIZE)": OWN,
    "primitives.ml_kem.k_pke_decrypt: LengthError.check('dk', dk, params.dk_pke_size)": OWN,
    "primitives.ml_kem.PRF": OWN,
    "primitives.ml_kem.sample_ntt": OWN,
    "protocol.attestation.read_attestation: any((_LONE_SURROGATE.search(text) for text in named.values()))": TEXT,
    "protocol.client": CLIENT,
    "protocol.session.next_state": CLIENT,
    "protocol.stream.read_stream_head": CLIENT,
    "protocol.handshake.IdentityPolicy": POLICY,
    "protocol.handshake.respond: policy.check(identity)": POLICY,
    "protocol.handshake_v3.respond: policy.check(None)": POLICY,
    "protocol.versions._respond_v3: terms.policy.check(None)": POLICY,
    "protocol.versions._hello_v3": UNASKED + "; the operations call the handshakes themselves",
    "protocol.versions._proof": UNASKED + "; the operations call the handshakes themselves",
    "protocol.versions.speaking: not fitting": POLICY,
    "protocol.tickets.TicketKeys.__post_init__": SCHEMA,
    "protocol.verification.check_signature_present: "
    "carried.ct is not None and session.identity is not None and (session.identity in policy.unsigned_clients)": POLICY,
    "protocol.handshake.respond: LengthError.check('mac_key', mac_key, MAC_KEY_SIZE)": SCHEMA,
    "protocol.seal_fields._json_text": TEXT,
    "protocol.seal_signed.verify: LengthError.check('signer', pk, ML_DSA_65.pk_size)": SCHEMA,
    "protocol.server_identity.ServerTrust.__post_init__": SCHEMA,
    "protocol.sse.EventReader._keep": "an event of more than 16 MiB, a limit that is the reference's own",
    "protocol.stream.StreamSealer.__init__": SCHEMA,
    "protocol.stream.StreamSealer._event": STATE,
    "protocol.stream.StreamOpener.__init__": SCHEMA,
    "protocol.stream.StreamOpener.feed: self._broken": STATE,
    "protocol.stream.StreamOpener._open": LIMIT,
    "protocol.verification.check_replay: answer is not NonceAnswer.NEW": (
        "a session that goes while its request is checked: the operation has no second process"
    ),
}
"""A check by its id, or all of a function, a class or a module by its name; and why no vector can show it."""

DECAPS = "primitives.ml_kem.decaps: check_ciphertext(params, c)"
DECAPS_C = "primitives.ml_kem.decaps_internal: LengthError.check('c', c, params.ct_size)"
DECRYPT_C = "primitives.ml_kem.k_pke_decrypt: LengthError.check('c', c, params.ct_size)"
EK = "primitives.ml_kem.check_encapsulation_key: LengthError.check('ek', ek, params.ek_size)"
ENCAPS_EK = "primitives.ml_kem.encaps_internal: LengthError.check('ek', ek, params.ek_size)"
ENCRYPT_EK = "primitives.ml_kem.k_pke_encrypt: LengthError.check('ek', ek, params.ek_size)"
DK = "primitives.ml_kem.check_decapsulation_key: LengthError.check('dk', dk, params.dk_size)"
BYTE_DECODE = "primitives.ml_kem.byte_decode: LengthError.check('B', B, 32 * d)"

COVERED = {
    "primitives.chacha20_poly1305.aead_decrypt: len(sealed) < TAG_LENGTH": (
        "primitives.chacha20_poly1305._check_tag: not hmac.compare_digest(expected, tag)",
    ),
    DECAPS: (DECAPS_C, DECRYPT_C, BYTE_DECODE),
    "primitives.ml_kem.check_ciphertext: LengthError.check('c', c, params.ct_size)": (DECAPS_C, DECRYPT_C, BYTE_DECODE),
    DECAPS_C: (DECAPS, DECRYPT_C, BYTE_DECODE),
    DECRYPT_C: (DECAPS, DECAPS_C, BYTE_DECODE),
    BYTE_DECODE: (DECAPS, DECAPS_C, DECRYPT_C),
    ENCAPS_EK: (EK, ENCRYPT_EK),
    ENCRYPT_EK: (EK, ENCAPS_EK),
    "primitives.ml_kem.decaps_internal: LengthError.check('dk', dk, params.dk_size)": (DK,),
    "protocol.identity.verify_identity: absent": ("protocol.members.binary_member: not isinstance(text, str)",),
    "protocol.attestation.read_attestation: not all((isinstance(text, str) for text in texts.values()))": (
        "protocol.attestation.verify_attestation: "
        "not suite.ml_dsa_65_verify(pinned, attestation.signed_text, signature, CONTEXT)",
    ),
    "protocol.seal_framed._open_each: i == layout.count": ("protocol.seal_framed._open_each: opened != layout.count",),
    "protocol.seal_webhook.open_webhook: not event": (
        "protocol.seal_webhook.open_webhook: event not in ({events} if isinstance(events, str) else events)",
    ),
}
"""Checks that others stand in for: only without these does a vector show that the check is gone."""

INTEGER = "protocol.wire._integer: _check_digits(text)"
"""Python's own limit of digits stands in for it."""

DECLINED = "a ticket that is not good is declined, which is an answer"

NOT_NEGATIVE = {
    "primitives.ml_dsa.attempt: not lanes.norm_below(z, l, gamma1 - params.beta)": "signing tries again",
    "primitives.ml_dsa.attempt: not lanes.norm_below(r0, k, gamma2 - params.beta)": "signing tries again",
    "primitives.ml_dsa.attempt: h.bit_count() > params.omega": "signing tries again",
    "protocol.handshake_v3.client_finish: ticket": "without a ticket there is a session all the same",
    "protocol.resumption.finish_resume: ticket": "without a ticket there is a session all the same",
    "protocol.resumption.finish_resume: reply.status == DECLINED": DECLINED,
    "protocol.resumption.answer_resume: isinstance(text, str)": DECLINED,
    **{
        f"protocol.tickets.{check}": DECLINED
        for check in (
            "_opened: len(nonce) != NONCE_SIZE",
            "_opened: len(secret) != KEY_SIZE",
            "_opened: not isinstance(psk, str)",
            "_opened: type(expires) is not int",
            "open_ticket: now < expires",
        )
    },
    "protocol.messages.reported_code: isinstance(code, str)": "a body without a code is read as such",
    "protocol.messages.reported_code: code in CATALOGUE": "a body without a code is read as such",
    "protocol.stream.StreamOpener.feed: self.finished": "what follows the end of a stream is passed over",
    "protocol.verification.check_payload: envelope is None": "a request without a body has no payload",
}
"""Checks whose outcome is no refusal, so that valid vectors show them. All others fail a vector that is invalid."""


@dataclass(frozen=True, eq=False)
class Call:
    """What one vector, or one step of it, asks for."""

    id: str
    operation: str
    given: Mapping[str, Any]
    claim: Mapping[str, Any]

    @property
    def negative(self) -> bool:
        return bool(self.claim["result"] == "invalid")

    def is_wrong(self) -> bool:
        try:
            return not agrees(self.operation, self.claim, answer(self.operation, self.given))
        except Exception:  # what is broken may raise anything
            return True


@pytest.fixture(scope="module")
def refused() -> dict[str, list[Call]]:
    """By the id of a check the calls in which it refuses, negative ones first. All of them are answered rightly."""
    found: dict[str, dict[Call, None]] = {id: {} for id in CHECKS}
    with ExitStack() as stack:
        current: list[Call] = []
        for module in modules():
            stack.enter_context(told(module, lambda check: found[check.id].setdefault(current[-1])))
        for call in _all_calls():
            current.append(call)
            assert not call.is_wrong(), call.id
    return {id: sorted(calls, key=lambda call: not call.negative) for id, calls in found.items()}


def _all_calls() -> Iterator[Call]:
    for entry in json.loads((VECTORS / "index.json").read_bytes())["files"]:
        for call in calls(json.loads((VECTORS / f"{entry['name']}.json").read_bytes())):
            yield Call(*call)


def _first_wrong(without: Sequence[Check], asked: Sequence[Call]) -> Call | None:
    with removed(*without):
        return next((call for call in asked if call.is_wrong()), None)


def _covers(key: str, id: str) -> bool:
    return id == key or id.startswith((f"{key}.", f"{key}:"))


def test_every_check_that_is_removed_makes_a_vector_fail(refused: dict[str, list[Call]]) -> None:
    excused = {id for id in CHECKS if any(_covers(key, id) for key in EXCUSED)} | {*COVERED, INTEGER}
    killers = {id: _first_wrong([check], refused[id]) for id, check in CHECKS.items()}
    survivors = {id for id, killer in killers.items() if killer is None}
    assert sorted(survivors - excused) == [], "no vector shows that these are gone"
    assert sorted(excused - survivors) == [], "these need no excuse: a vector shows that they are gone"
    not_negative = {id for id, killer in killers.items() if killer is not None and not killer.negative}
    assert sorted(not_negative) == sorted(NOT_NEGATIVE)


@pytest.mark.parametrize("id", COVERED)
def test_what_stands_in_for_a_check_is_named(id: str, refused: dict[str, list[Call]]) -> None:
    others = [CHECKS[other] for other in COVERED[id]]
    asked = [call for one in (id, *COVERED[id]) for call in refused[one]]
    with removed(*others):
        right = [call for call in asked if not call.is_wrong()]
    assert _first_wrong([CHECKS[id], *others], right) is not None


def test_python_stands_in_for_the_digits_of_integers(refused: dict[str, list[Call]]) -> None:
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        assert _first_wrong([CHECKS[INTEGER]], refused[INTEGER]) is not None
    finally:
        sys.set_int_max_str_digits(limit)


def test_excuses_name_checks_and_each_check_once() -> None:
    for key in EXCUSED:
        assert any(_covers(key, id) for id in CHECKS), key
    for id in CHECKS:
        excuses = [key for key in EXCUSED if _covers(key, id)] + [key for key in (*COVERED, INTEGER) if key == id]
        assert len(excuses) <= 1, excuses
    assert {*COVERED, *NOT_NEGATIVE, INTEGER} <= CHECKS.keys()


SOURCE = """
def f(a, b):
    if not a or not (1 <= a < b):
        raise ValueError
    elif a and b:
        return None
    if a:
        b = 2
        raise ValueError
    LengthError.check("a", a, b)
    a.clear()
    try:
        check_more(a)
    except ValueError:
        raise KeyError from None
    c = a if a and b else None
    if hmac.compare_digest(a, b):
        return a == b and b == c
    raise ValueError("at the end")
class C:
    def g(self):
        return compare_digest(self.a, self.b)
"""


def test_the_checks_that_are_found() -> None:
    assert [check.id for check in find("m", parse(SOURCE))] == [
        "m.f: not a",
        "m.f: 1 <= a",
        "m.f: a < b",
        "m.f: a and b",
        "m.f: raise ValueError",
        "m.f: LengthError.check('a', a, b)",
        "m.f: check_more(a)",
        "m.f: a",
        "m.f: b",
        "m.f: hmac.compare_digest(a, b)",
        "m.f: a == b",
        "m.f: b == c",
        "m.f: raise ValueError('at the end')",
        "m.C.g: compare_digest(self.a, self.b)",
    ]
