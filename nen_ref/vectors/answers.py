"""What each operation answers, by the reference's protocol and the primitives of any provider.

The harness of the reference and the vectors ask here, so that both mean the same. Arguments and values hold bytes where
the table of operations says hexadecimal. An ISO code is a NenError; `Refused` is one with more beside its code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nen_ref.primitives.errors import (
    AuthenticationError,
    ContextError,
    EncodingError,
    KeyCheckError,
    LengthError,
    LimitError,
)
from nen_ref.primitives.suite import REFERENCE, REFERENCE_PARTS, Parts, Suite
from nen_ref.protocol import errors
from nen_ref.protocol.errors import CATALOGUE, ErrorCode, NenError, failure
from nen_ref.protocol.handshake import IdentityPolicy, client_finish, client_hello, respond
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Headers, Reply, Request, reported_code
from nen_ref.protocol.payload import dump_envelope, parse_envelope, seal
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.stream import StreamOpener, StreamSealer, stream_nonce
from nen_ref.protocol.verification import NonceAnswer, Verified, check_payload, run, verify_request
from nen_ref.protocol.versions import V1, VERSIONS, Version
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64
from nen_ref.vectors.answers_seal import SEAL_ANSWERS
from nen_ref.vectors.answers_v3 import V3_ANSWERS
from nen_ref.vectors.operations import Schema

Arguments = dict[str, Any]
Values = dict[str, Any]


@dataclass(frozen=True)
class Kit:
    """The primitives that answer: a suite, and the parts of it that have vectors of their own."""

    suite: Suite
    parts: Parts


REFERENCE_KIT = Kit(REFERENCE, REFERENCE_PARTS)


class Refused(Exception):
    """An ISO code with what else belongs into the answer."""

    def __init__(self, error: NenError, **values: Any) -> None:
        super().__init__(error)
        self.error = error
        self.values = values


@contextmanager
def raising(entry: ErrorCode, *faults: type[Exception]) -> Iterator[None]:
    """The exceptions of a primitive, as the protocol reports them."""
    try:
        yield
    except faults as fault:
        raise failure(entry, str(fault)) from None


@contextmanager
def releasing(released: list[bytes]) -> Iterator[None]:
    """An error in the middle of a stream, with the text that was handed out before it."""
    try:
        yield
    except NenError as error:
        raise Refused(error, released=b"".join(released).decode("utf-8", "replace")) from None


# Primitives


def hmac_sha256(a: Arguments, kit: Kit) -> Values:
    return {"mac": kit.suite.hmac_sha256(a["key"], a["message"])}


def hkdf_sha256(a: Arguments, kit: Kit) -> Values:
    with raising(errors.INTERNAL, LimitError):
        return {"okm": kit.suite.hkdf_sha256(a["ikm"], a["info"], a["length"])}


def x25519(a: Arguments, kit: Kit) -> Values:
    with raising(errors.HANDSHAKE_FAILED, LengthError):
        return {"shared": kit.suite.x25519(a["k"], a["u"])}


def chacha20_block(a: Arguments, kit: Kit) -> Values:
    return {"block": kit.parts.chacha20_block(a["key"], a["counter"], a["nonce"])}


def poly1305_mac(a: Arguments, kit: Kit) -> Values:
    return {"tag": kit.parts.poly1305_mac(a["key"], a["message"])}


def aead_seal(a: Arguments, kit: Kit) -> Values:
    return {"ciphertext": kit.suite.aead_seal(a["key"], a["nonce"], a["plaintext"])}


def aead_open(a: Arguments, kit: Kit) -> Values:
    with raising(errors.CRYPTO_DECRYPT_FAILED, AuthenticationError):
        return {"plaintext": kit.suite.aead_open(a["key"], a["nonce"], a["ciphertext"])}


def kem_keygen(a: Arguments, kit: Kit) -> Values:
    ek, dk = kit.suite.ml_kem_768_keygen(a["d"], a["z"])
    return {"ek": ek, "dk": dk}


def kem_encaps(a: Arguments, kit: Kit) -> Values:
    with raising(errors.HANDSHAKE_FAILED, LengthError, KeyCheckError):
        kit.suite.ml_kem_768_check_ek(a["ek"])
        K, c = kit.suite.ml_kem_768_encaps(a["ek"], a["m"])
    return {"K": K, "c": c}


def kem_decaps(a: Arguments, kit: Kit) -> Values:
    with raising(errors.HANDSHAKE_FAILED, LengthError, KeyCheckError):
        return {"K": kit.suite.ml_kem_768_decaps(a["dk"], a["c"])}


def kem_check_ek(a: Arguments, kit: Kit) -> Values:
    with raising(errors.HANDSHAKE_FAILED, LengthError, KeyCheckError):
        kit.suite.ml_kem_768_check_ek(a["ek"])
    return {}


def kem_check_dk(a: Arguments, kit: Kit) -> Values:
    with raising(errors.HANDSHAKE_FAILED, LengthError, KeyCheckError):
        kit.parts.ml_kem_768_check_dk(a["dk"])
    return {}


def dsa_keygen(a: Arguments, kit: Kit) -> Values:
    pk, sk = kit.suite.ml_dsa_65_keygen(a["xi"])
    return {"pk": pk, "sk": sk}


def dsa_sign(a: Arguments, kit: Kit) -> Values:
    with raising(errors.INTERNAL, ContextError):
        return {"signature": kit.suite.ml_dsa_65_sign(a["sk"], a["message"], a.get("ctx", b""), a["rnd"])}


def dsa_verify(a: Arguments, kit: Kit) -> Values:
    with raising(errors.INTERNAL, ContextError):
        return {"valid": kit.suite.ml_dsa_65_verify(a["pk"], a["message"], a["signature"], a.get("ctx", b""))}


# Steps of the protocol


def base64_encode(a: Arguments, kit: Kit) -> Values:
    return {"text": encode_base64(a["bytes"])}


def base64_decode(a: Arguments, kit: Kit) -> Values:
    with raising(errors.WIRE_DECODE_FAILED, Malformed):
        return {"bytes": decode_base64(a["text"])}


def spki_encode(a: Arguments, kit: Kit) -> Values:
    return {"spki": kit.parts.ml_dsa_65_encode_spki(a["pk"])}


def spki_decode(a: Arguments, kit: Kit) -> Values:
    with raising(errors.AUTH_IDENTITY_SIGNATURE_INVALID, EncodingError):
        return {"pk": kit.parts.ml_dsa_65_decode_spki(a["spki"])}


def path_of(target: str) -> str:
    """The path of a target, without query and fragment. V1-AUTH-06."""
    return re.split("[?#]", target, maxsplit=1)[0]


def canonical(a: Arguments, kit: Kit) -> Values:
    path = path_of(a["target"])
    return {"canonical_string": canonical_string(a["method"], path, a["timestamp"], a["nonce"]).decode()}


def request_sign(a: Arguments, kit: Kit) -> Values:
    text = canonical_string(a["method"], path_of(a["target"]), a["timestamp"], a["nonce"])
    return {"signature": sign(a["hmac_key"], text, suite=kit.suite)}


def session_of(given: Values | None, version: Version = V1) -> Session | None:
    if given is None:
        return None
    return Session(given["sid"], SessionKeys(given["secret"], given["hmac_key"]), 0, family=version.family)


def request_verify(a: Arguments, kit: Kit) -> Values:
    sent = a["request"]
    body = (sent["body"] or "").encode("utf-8", "surrogatepass")
    request = Request(sent["method"], path_of(sent["target"]), Headers(sent["headers"].items()), body)
    version = VERSIONS[a.get("protocol", "v1")]
    session = session_of(a["session"], version)
    used = set(a["used_nonces"])
    verified = run(
        verify_request(request, a["now"], versions=(version,), suite=kit.suite),
        lambda question: session if session is not None and session.sid == question.sid else None,
        lambda question: NonceAnswer.USED if question.nonce in used else NonceAnswer.NEW,
    )
    return {"payload": None if verified.payload is None else verified.payload.decode()}


def payload_seal(a: Arguments, kit: Kit) -> Values:
    return {"body": dump_envelope(seal(a["secret"], a["n"], a["payload"].encode(), suite=kit.suite)).decode()}


def payload_open(a: Arguments, kit: Kit) -> Values:
    session = Session("", SessionKeys(a["secret"], b""), 0)
    opened = check_payload(parse_envelope(a["body"].encode()), session, kit.suite)
    return {"payload": (opened or b"").decode()}


def response_seal(a: Arguments, kit: Kit) -> Values:
    verified = Verified(Session("", SessionKeys(a["secret"], b""), 0), b"", a["request_n"], True)
    return {"body": seal_response(verified, 200, a["payload"].encode(), a["n"], kit.suite).body.decode()}


def handshake_hello(a: Arguments, kit: Kit) -> Values:
    identity = Identity.from_seed(a["identity_seed"], suite=kit.suite) if "identity_seed" in a else None
    return {"body": client_hello(a["d"], a["z"], identity, suite=kit.suite).body.decode()}


def handshake_respond(a: Arguments, kit: Kit) -> Values:
    accepted = respond(
        a["body"].encode(),
        m=a["m"],
        mac_key=a["hmac_key"],
        sid=a["sid"],
        now=0,
        policy=IdentityPolicy(),
        suite=kit.suite,
    )
    return {"body": accepted.reply.body.decode(), "secret": accepted.session.keys.enc}


def handshake_finish(a: Arguments, kit: Kit) -> Values:
    hello = client_hello(a["d"], a["z"], suite=kit.suite)
    sid, keys = client_finish(hello, Reply(a["status"], {}, a["body"].encode()), suite=kit.suite)
    return {"sid": sid, "secret": keys.enc, "hmac_key": keys.mac}


def nonce_of_event(a: Arguments, kit: Kit) -> Values:
    return {"nonce": stream_nonce(a["base_nonce"], a["index"])}


def stream_seal(a: Arguments, kit: Kit) -> Values:
    sealer = StreamSealer(a["secret"], a["base_nonce"], suite=kit.suite)
    events = [sealer.seal(chunk.encode()) for chunk in a["chunks"]]
    return {"body": b"".join([*events, sealer.finish()]).decode()}


def stream_seal_at(a: Arguments, kit: Kit) -> Values:
    sealer = StreamSealer(a["secret"], a["base_nonce"], suite=kit.suite)
    sealer._next = a["index"]  # nobody seals four thousand million chunks to get there
    return {"body": sealer.seal(a["chunk"].encode()).decode()}


def stream_open(a: Arguments, kit: Kit) -> Values:
    opener = StreamOpener(a["secret"], a["base_nonce"], suite=kit.suite)
    released: list[bytes] = []
    with releasing(released):
        for piece in a["pieces"]:
            for chunk in opener.feed(piece):
                released.append(chunk)  # one by one: an error in the middle must not lose what came before it
        opener.close()
    return {"text": b"".join(released).decode("utf-8", "replace")}


def error_status(a: Arguments, kit: Kit) -> Values:
    return {"status": CATALOGUE[a["code"]].status}


def error_read(a: Arguments, kit: Kit) -> Values:
    return {"code": reported_code(a["body"].encode("utf-8", "surrogatepass"))}


ANSWERS: Mapping[str, Callable[[Arguments, Kit], Values]] = {
    "hmac_sha256": hmac_sha256,
    "hkdf_sha256": hkdf_sha256,
    "x25519": x25519,
    "aead.seal": aead_seal,
    "aead.open": aead_open,
    "ml_kem_768.keygen": kem_keygen,
    "ml_kem_768.encaps": kem_encaps,
    "ml_kem_768.decaps": kem_decaps,
    "ml_dsa_65.keygen": dsa_keygen,
    "ml_dsa_65.sign": dsa_sign,
    "ml_dsa_65.verify": dsa_verify,
    "base64.encode": base64_encode,
    "base64.decode": base64_decode,
    "spki.encode": spki_encode,
    "spki.decode": spki_decode,
    "canonical_string": canonical,
    "request.sign": request_sign,
    "request.verify": request_verify,
    "payload.seal": payload_seal,
    "payload.open": payload_open,
    "response.seal": response_seal,
    "handshake.hello": handshake_hello,
    "handshake.respond": handshake_respond,
    "handshake.finish": handshake_finish,
    "stream.nonce": nonce_of_event,
    "stream.seal": stream_seal,
    "stream.seal_at": stream_seal_at,
    "stream.open": stream_open,
    "error.status": error_status,
    "chacha20.block": chacha20_block,
    "poly1305.mac": poly1305_mac,
    "ml_kem_768.check_ek": kem_check_ek,
    "ml_kem_768.check_dk": kem_check_dk,
    "error.read": error_read,
    **V3_ANSWERS,
    **SEAL_ANSWERS,
}


def from_hex(schema: Schema, value: Any) -> Any:
    """An argument, with bytes where its schema says that its text is hexadecimal."""
    if value is None:
        return None
    if "contentEncoding" in schema:
        return bytes.fromhex(value)
    if "items" in schema:
        return [from_hex(schema["items"], entry) for entry in value]
    if "properties" in schema:
        return {name: from_hex(schema["properties"].get(name, {}), entry) for name, entry in value.items()}
    return value


def to_hex(values: Values) -> Values:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}
