"""Worked examples of ML-DSA-65 and its keys in DER: each ends with bytes of a key or signature of a vector."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from docs.make.worked_model import Example, Final, Make, Step, Vector, vector
from nen_ref.primitives import ml_dsa as dsa
from nen_ref.primitives import ml_dsa_keys as keys
from nen_ref.primitives import ml_dsa_lanes as lanes
from nen_ref.primitives.errors import EncodingError
from nen_ref.primitives.ml_dsa import ML_DSA_65 as P

KEYGEN = "primitives/ml_dsa_65_keygen/seed-counting"
SIGN = "primitives/ml_dsa_65_sign_hedged/two-attempts"
VERIFY = "primitives/ml_dsa_65_verify/deterministic"
Z_START, HINT_START = P.c_tilde_size, P.sig_size - P.omega - P.k


class _Key(NamedTuple):
    """The values of key generation."""

    found: Vector
    rho: bytes
    rho_prime: bytes
    K: bytes
    A_hat: dsa.Matrix
    s1: dsa.Vector
    s2: dsa.Vector
    t: dsa.Vector


@cache
def _key() -> _Key:
    found = vector(KEYGEN)
    seed = dsa.H(found.input["xi"] + bytes([P.k, P.l]), 128)
    A_hat = dsa.expand_a(P, seed[:32])
    s1, s2 = dsa.expand_s(P, seed[32:96])
    t = dsa.add(dsa.vector_ntt_inverse(dsa.matrix_vector_ntt(A_hat, dsa.vector_ntt(s1))), s2)
    return _Key(found, seed[:32], seed[32:96], seed[96:], A_hat, s1, s2, t)


class _Signature(NamedTuple):
    """The values of the attempt that became the signature."""

    found: Vector
    mu: bytes
    signing: dsa.Signing
    outcomes: list[str]
    made: dsa.Commitment
    y: dsa.Vector
    w: dsa.Vector
    z: dsa.Vector
    w_minus_cs2: dsa.Vector
    ct0: dsa.Vector
    h: dsa.Vector
    sigma: bytes


@cache
def _signature() -> _Signature:
    found = vector(SIGN)
    sk, rnd = found.input["sk"], found.input["rnd"]
    mu = dsa.message_representative(sk[64:128], dsa.format_message(found.input["message"], b""))
    signing = dsa.begin_signing(P, sk, mu, rnd)
    outcomes: list[str] = []
    kappa = 0
    while isinstance(outcome := dsa.attempt(P, signing, kappa), dsa.Rejection):
        outcomes.append(outcome.value)
        kappa += P.l
    made = dsa.commit(P, signing, kappa)
    secret = dsa.sk_decode(P, sk)
    y, w = lanes.split(made.y, P.l), lanes.split(made.w, P.k)
    z = dsa.mod_pm_q(dsa.add(y, dsa.challenge_times(made.c, secret.s1)))
    w_minus_cs2 = dsa.subtract(w, dsa.challenge_times(made.c, secret.s2))
    ct0 = dsa.challenge_times(made.c, secret.t0)
    h = dsa.make_hint(P, dsa.negate(ct0), dsa.add(w_minus_cs2, ct0))
    return _Signature(found, mu, signing, outcomes, made, y, w, z, w_minus_cs2, ct0, h, outcome)


def _nonzero(f: dsa.Poly) -> list[int]:
    return [i for i, x in enumerate(f) if x]


def keygen() -> Example:
    key = _key()
    pk, sk = dsa.keygen_internal(P, key.found.input["xi"])
    steps = [
        Step("xi", key.found.input["xi"], "the seed, all that needs to be kept"),
        Step("rho", key.rho, "seed of A, public"),
        Step("rho'", key.rho_prime, "seed of the secrets"),
        Step("K", key.K, "goes into the randomness of signatures"),
        Step("A_hat[0][0]", key.A_hat[0][0], "uniform below q = 8380417"),
        Step("s1[0]", key.s1[0], "-4 to 4"),
        Step("s2[0]", key.s2[0], "-4 to 4"),
        Step("t[0]", key.t[0], "A s1 + s2"),
        Step("t1[0]", dsa.power2round(key.t[0]).r1, "the high part, public"),
        Step("t0[0]", dsa.power2round(key.t[0]).r0, "the low part, kept in sk"),
        Step("tr", dsa.H(pk, 64), "H(pk)"),
    ]
    out = key.found.output
    return Example(key.found, steps, [Final("pk", pk, out["pk"], "pk"), Final("sk", sk, out["sk"], "sk")])


def expand_a() -> Example:
    key = _key()
    seed = key.rho + bytes([1, 0])
    stream = dsa.G(seed, 840)
    candidates = [int.from_bytes(stream[i : i + 3], "little") & 0x7FFFFF for i in range(0, 840, 3)]
    t1 = [dsa.power2round(f).r1 for f in key.t]
    steps = [
        Step("seed of A_hat[0][1]", seed, "rho, column 1, row 0"),
        Step("first bytes of G", stream[:9], "SHAKE128"),
        Step("first candidates", candidates[:3], "three bytes without their top bit"),
        Step("of 280 candidates below q", sum(x < dsa.q for x in candidates), "the first 256 are taken"),
        Step("A_hat[0][1]", key.A_hat[0][1]),
    ]
    pk = dsa.pk_encode(P, key.rho, t1)
    return Example(key.found, steps, [Final("pk, by way of t = A s1 + s2", pk, key.found.output["pk"], "pk")])


def expand_s() -> Example:
    key = _key()
    stream = dsa.H(key.rho_prime + bytes(2), 272)
    half_bytes = [half for z in stream[:4] for half in (z & 15, z >> 4)]
    steps = [
        Step("seed of s1[0]", key.rho_prime + bytes(2), "rho' and 0 in two bytes"),
        Step("first bytes of H", stream[:4], "SHAKE256"),
        Step("as half bytes", half_bytes, "lower half first; 9 and more are dropped"),
        Step("4 less each", [4 - b for b in half_bytes if b < 9]),
        Step("s1[0]", key.s1[0]),
    ]
    packed = dsa.bit_pack(key.s1[0], P.eta, P.eta)
    given = key.found.output["sk"][128 : 128 + P.s_poly_size]
    return Example(key.found, steps, [Final("s1[0], packed", packed, given, "bytes 128 to 255 of sk")])


def power2round() -> Example:
    key = _key()
    t1, t0 = dsa.power2round(key.t[0])
    sk_start = P.sk_size - P.k * dsa.T0_POLY_SIZE
    steps = [
        Step("t[0]", key.t[0]),
        Step("t1[0]", t1, "to the nearest multiple of 8192"),
        Step("t0[0]", t0, "-4095 to 4096"),
        Step("8192 t1 + t0 of the first", (t1[0] << dsa.d) + t0[0], "t again"),
    ]
    out = key.found.output
    finals = [
        Final("t1[0], packed", dsa.simple_bit_pack(t1, dsa.T1_MAX), out["pk"][32:352], "bytes 32 to 351 of pk"),
        Final(
            "t0[0], packed",
            dsa.bit_pack(t0, dsa.T0_MAX - 1, dsa.T0_MAX),
            out["sk"][sk_start : sk_start + dsa.T0_POLY_SIZE],
            f"bytes {sk_start} to {sk_start + dsa.T0_POLY_SIZE - 1} of sk",
        ),
    ]
    return Example(key.found, steps, finals)


def ntt() -> Example:
    key = _key()
    s1_hat = dsa.ntt(key.s1[0])
    product = dsa.matrix_vector_ntt(key.A_hat, dsa.vector_ntt(key.s1))
    steps = [
        Step("s1[0]", key.s1[0]),
        Step("factor of the first layer", lanes.ZETAS[1], "1753 to the power BitRev8(1) = 128"),
        Step("NTT(s1[0])", s1_hat, "after eight layers: 256 values"),
        Step("NTT^-1 of it, signed", dsa.mod_pm_q([dsa.ntt_inverse(s1_hat)])[0], "s1[0] again"),
        Step("(A_hat s1_hat)[0]", product[0], "value by value, five products added"),
        Step("NTT^-1 of it", dsa.ntt_inverse(product[0])),
        Step("t[0]", key.t[0], "s2[0] added"),
    ]
    packed = dsa.simple_bit_pack(dsa.power2round(key.t[0]).r1, dsa.T1_MAX)
    return Example(
        key.found, steps, [Final("t1[0], packed", packed, key.found.output["pk"][32:352], "bytes 32 to 351 of pk")]
    )


def in_lanes() -> Example:
    key = _key()
    x = lanes.join(key.s1)
    v_hat = lanes.ntt(x, P.l)
    product = lanes.multiply(dsa.expand_a_columns(P, key.rho), x, P.k)
    t = lanes.mod_q(product + lanes.join(key.s2), P.k)
    steps = [
        Step(
            "bits of s1 as one integer", x.bit_length(), "5 polynomials of 256 lanes of 64 bits, less what is 0 on top"
        ),
        Step("NTT(s1): blocks", len(v_hat), "5 lanes each"),
        Step("first block", [v_hat[0] >> 64 * j & (1 << 64) - 1 for j in range(P.l)], "below 18 q"),
        Step("the same plain", [f[0] for f in dsa.vector_ntt(key.s1)], "below q"),
        Step("first of A s1 + s2", lanes.split(t, P.k)[0], "t[0]"),
        Step("t[0] plain", key.t[0]),
    ]
    t1 = lanes.split(lanes.power2round(t, P.k, dsa.d).r1, P.k)
    return Example(key.found, steps, [Final("pk", dsa.pk_encode(P, key.rho, t1), key.found.output["pk"], "pk")])


def challenge_times() -> Example:
    made = _signature()
    c = made.made.c
    s1 = dsa.sk_decode(P, made.found.input["sk"]).s1
    places = _nonzero(c)
    steps = [
        Step("places of 1 and -1 in c", places),
        Step("s1[0]", s1[0]),
        Step("x s1[0]", [-s1[0][255], *s1[0][:255]], "moved by one; the last comes back negated"),
        Step("c s1[0]", dsa.challenge_times(c, s1)[0], "49 such polynomials added or subtracted"),
        Step("y[0]", made.y[0]),
        Step("z[0]", made.z[0], "y + c s1"),
    ]
    return Example(made.found, steps, [_z0(made)])


def bit_pack() -> Example:
    key = _key()
    t1 = dsa.power2round(key.t[0]).r1
    four = sum(x << 10 * i for i, x in enumerate(t1[:4]))
    packed = dsa.simple_bit_pack(t1, dsa.T1_MAX)
    s1_packed = dsa.bit_pack(key.s1[0], P.eta, P.eta)
    steps = [
        Step("first four of t1[0]", t1[:4], "10 bits each"),
        Step("as one number", four, "the sum of t1[i] 2^(10 i)"),
        Step("in five bytes", four.to_bytes(5, "little"), "least significant first"),
        Step("first two of s1[0]", key.s1[0][:2], "-4 to 4, so 4 bits each"),
        Step("4 less each", [4 - x for x in key.s1[0][:2]], "what BitPack writes"),
        Step("in one byte", s1_packed[:1]),
        Step("unpacked again", dsa.bit_unpack(s1_packed, P.eta, P.eta) == key.s1[0]),
    ]
    out = key.found.output
    finals = [
        Final("t1[0], packed", packed, out["pk"][32:352], "bytes 32 to 351 of pk"),
        Final("s1[0], packed", s1_packed, out["sk"][128:256], "bytes 128 to 255 of sk"),
    ]
    return Example(key.found, steps, finals)


def encodings() -> Example:
    key = _key()
    sk = key.found.output["sk"]
    parts = dsa.sk_decode(P, sk)
    public = dsa.pk_decode(P, key.found.output["pk"])
    steps = [
        Step("rho", parts.rho, "bytes 0 to 31 of pk and of sk"),
        Step("K", parts.K, "bytes 32 to 63 of sk"),
        Step("tr", parts.tr, "bytes 64 to 127"),
        Step("s1[0]", parts.s1[0], "5 polynomials of 128 bytes, then s2: 6 of 128"),
        Step("t0[0]", parts.t0[0], "6 polynomials of 416 bytes"),
        Step("t1[0]", public.t1[0], "in pk, 6 polynomials of 320 bytes"),
    ]
    finals = [
        Final("sk, encoded again", dsa.sk_encode(P, *parts), sk, "sk"),
        Final("pk, encoded again", dsa.pk_encode(P, *public), key.found.output["pk"], "pk"),
    ]
    return Example(key.found, steps, finals)


def sign() -> Example:
    made = _signature()
    message = made.found.input["message"]
    steps = [
        Step("M", message, "the message"),
        Step("M'", dsa.format_message(message, b""), "0, length of the context 0, M"),
        Step("tr", made.found.input["sk"][64:128], "out of sk: H(pk)"),
        Step("mu", made.mu, "H(tr, M'): all that is signed"),
        Step("rnd", made.found.input["rnd"], "32 random bytes: hedged"),
        Step("rho''", made.signing.rho_prime_prime, "H(K, rnd, mu): seed of the masks"),
        *[Step(f"attempt {i + 1}", text, "dropped") for i, text in enumerate(made.outcomes)],
        Step(f"attempt {len(made.outcomes) + 1}", "good"),
    ]
    out = made.found.output["signature"]
    signed = dsa.sign(P, made.found.input["sk"], message, b"", made.found.input["rnd"])
    return Example(made.found, steps, [Final("signature", signed, out, "signature")])


def attempt() -> Example:
    made = _signature()
    c = made.made.c
    r0 = [dsa.low_bits(P, f) for f in made.w_minus_cs2]
    steps = [
        Step("kappa", len(made.outcomes) * P.l, "5 for each attempt before"),
        Step("y[0]", made.y[0], "the mask, -524287 to 524288"),
        Step("w[0]", made.w[0], "A y"),
        Step("w1[0]", dsa.high_bits(P, made.w[0]), "0 to 15"),
        Step("c_tilde", made.made.c_tilde, "H(mu, w1)"),
        Step("places of 1 and -1 in c", _nonzero(c), "49 of 256"),
        Step("z[0]", made.z[0], "y + c s1"),
        Step("norm of z", dsa.infinity_norm(made.z), f"below gamma1 - beta = {P.gamma1 - P.beta}"),
        Step("norm of r0", dsa.infinity_norm(r0), f"below gamma2 - beta = {P.gamma2 - P.beta}"),
        Step("norm of c t0", dsa.infinity_norm(made.ct0), f"below gamma2 = {P.gamma2}"),
        Step("ones in h", dsa.number_of_ones(made.h), "at most omega = 55"),
    ]
    return Example(made.found, steps, [Final("signature", made.sigma, made.found.output["signature"], "signature")])


def expand_mask() -> Example:
    made = _signature()
    kappa = len(made.outcomes) * P.l
    y = dsa.expand_mask(P, made.signing.rho_prime_prime, kappa)
    v = dsa.H(made.signing.rho_prime_prime + dsa.integer_to_bytes(kappa, 2), P.z_poly_size)
    steps = [
        Step("rho''", made.signing.rho_prime_prime),
        Step("counter", kappa, "in two bytes, for y[0]"),
        Step("H(rho'', counter)", v, "20 bits for each coefficient"),
        Step("first 20 bits", int.from_bytes(v[:3], "little") & 0xFFFFF, "taken from gamma1 = 524288"),
        Step("y[0]", y[0]),
        Step("z[0]", made.z[0], "c s1[0] added"),
    ]
    return Example(made.found, steps, [_z0(made)])


def _z0(made: _Signature) -> Final:
    packed = dsa.bit_pack(made.z[0], P.gamma1 - 1, P.gamma1)
    given = made.found.output["signature"][Z_START : Z_START + P.z_poly_size]
    return Final("z[0], packed", packed, given, "bytes 48 to 687 of the signature")


def sample_in_ball() -> Example:
    made = _signature()
    stream = dsa.H(made.made.c_tilde, 136)
    c = made.made.c
    steps = [
        Step("c_tilde", made.made.c_tilde, "the first 48 bytes of the signature"),
        Step("H(c_tilde), first 8 bytes", stream[:8], "64 signs, least significant bit first"),
        Step("next bytes", list(stream[8:20]), "candidates for places; dropped while above i = 207, 208, ..."),
        Step("places in c", _nonzero(c), "49"),
        Step("values there", [c[i] for i in _nonzero(c)], "1 or -1"),
        Step(
            "c s1[0]", dsa.challenge_times(c, dsa.sk_decode(P, made.found.input["sk"]).s1[:1])[0], "at most beta = 196"
        ),
    ]
    return Example(made.found, steps, [_z0(made)])


def decompose() -> Example:
    made = _signature()
    w = made.w
    r1, r0 = dsa.decompose(P, w[0])
    w1 = [dsa.high_bits(P, f) for f in w]
    steps = [
        Step("w[0]", w[0]),
        Step("r1", r1, "w1[0]: to the nearest multiple of 2 gamma2 = 523776"),
        Step("r0", r0, "-261888 to 261888"),
        Step("523776 r1 + r0 of the first, mod q", (r1[0] * 2 * P.gamma2 + r0[0]) % dsa.q, "w again"),
        Step("w1, encoded", dsa.w1_encode(P, w1), "4 bits for each coefficient"),
    ]
    c_tilde = dsa.H(made.mu + dsa.w1_encode(P, w1), P.c_tilde_size)
    given = made.found.output["signature"][:Z_START]
    return Example(made.found, steps, [Final("H(mu, w1)", c_tilde, given, "the first 48 bytes of the signature")])


def make_hint() -> Example:
    made = _signature()
    with_ct0 = dsa.add(made.w_minus_cs2, made.ct0)
    place = _nonzero(made.h[0])[0]
    steps = [
        Step("w - c s2 + c t0, polynomial 0", with_ct0[0], "what the verifier will have"),
        Step("c t0, polynomial 0", made.ct0[0], "what it lacks"),
        Step("first place where that matters", place),
        Step("high bits there, with c t0", dsa.high_bits(P, with_ct0[0])[place]),
        Step("high bits there, without", dsa.high_bits(P, made.w_minus_cs2[0])[place], "so the hint is 1"),
        Step("ones in h[0]", _nonzero(made.h[0])),
        Step("ones in all of h", dsa.number_of_ones(made.h)),
    ]
    packed, given = dsa.hint_bit_pack(P, made.h), made.found.output["signature"][HINT_START:]
    return Example(made.found, steps, [Final("h, packed", packed, given, "the last 61 bytes of the signature")])


def hint_bit_pack() -> Example:
    found = vector(VERIFY)
    y = found.input["signature"][HINT_START:]
    h = dsa.hint_bit_unpack(P, y)
    assert h is not None, "the signature of the vector is valid"
    steps = [
        Step("last 61 bytes of the signature", y),
        Step("ends", list(y[P.omega :]), "the last 6: where the places of each polynomial end"),
        Step("places in h[0]", _nonzero(h[0])),
        Step("places in h[5]", _nonzero(h[5])),
        Step("ones in all of h", dsa.number_of_ones(h), "the bytes of places not used are 0"),
    ]
    return Example(
        found, steps, [Final("h, packed again", dsa.hint_bit_pack(P, h), y, "the last 61 bytes of signature")]
    )


def signature_parts() -> Example:
    found = vector(VERIFY)
    sigma = found.input["signature"]
    c_tilde, z, h = dsa.sig_decode(P, sigma)
    assert h is not None, "the signature of the vector is valid"
    steps = [
        Step("c_tilde", c_tilde, "48 bytes"),
        Step("z[0]", z[0], "5 polynomials of 640 bytes"),
        Step("ones in h", dsa.number_of_ones(h), "61 bytes"),
    ]
    again = dsa.sig_encode(P, c_tilde, z, h)
    return Example(found, steps, [Final("signature, encoded again", again, sigma, "signature")])


def verify() -> Example:
    found = vector(VERIFY)
    pk, message, sigma = found.input["pk"], found.input["message"], found.input["signature"]
    mu = dsa.message_representative(dsa.H(pk, 64), dsa.format_message(message, b""))
    c_tilde, z, h = dsa.sig_decode(P, sigma)
    assert h is not None, "the signature of the vector is valid"
    steps = [
        Step("tr", dsa.H(pk, 64), "H(pk)"),
        Step("mu", mu, "H(tr, M')"),
        Step("norm of z", dsa.infinity_norm(z), f"below gamma1 - beta = {P.gamma1 - P.beta}"),
        Step("ones in h", dsa.number_of_ones(h), "at most 55, places ascend"),
        Step("c_tilde", c_tilde, "out of the signature"),
    ]
    finals = [
        Final(
            "c_tilde'",
            dsa.recommit(P, dsa.pk_decode(P, pk), mu, c_tilde, z, h),
            sigma[:48],
            "first 48 bytes of signature",
        ),
        Final("valid", dsa.verify(P, pk, message, sigma), found.valid, "result: valid"),
    ]
    return Example(found, steps, finals)


def use_hint() -> Example:
    found = vector(VERIFY)
    pk, sigma = dsa.pk_decode(P, found.input["pk"]), found.input["signature"]
    c_tilde, z, h = dsa.sig_decode(P, sigma)
    assert h is not None, "the signature of the vector is valid"
    c = dsa.sample_in_ball(P, c_tilde)
    Az = dsa.vector_ntt_inverse(dsa.matrix_vector_ntt(dsa.expand_a(P, pk.rho), dsa.vector_ntt(z)))
    ct1 = dsa.challenge_times(c, pk.t1)
    w_approx = dsa.subtract(Az, [[x << dsa.d for x in f] for f in ct1])
    place = _nonzero(h[0])[0]
    r1, r0 = dsa.decompose(P, w_approx[0])
    w1 = [dsa.use_hint(P, hints, f) for hints, f in zip(h, w_approx, strict=True)]
    mu = dsa.message_representative(dsa.H(found.input["pk"], 64), dsa.format_message(found.input["message"], b""))
    steps = [
        Step("A z - c t1 2^13, polynomial 0", w_approx[0], "w, but for the low part of t"),
        Step("first place with a hint", place),
        Step("high and low part there", [r1[place], r0[place]]),
        Step("high part by the hint", w1[0][place], "one up if the low part is positive, else one down"),
        Step("w1'[0]", w1[0]),
    ]
    hashed = dsa.H(mu + dsa.w1_encode(P, w1), P.c_tilde_size)
    return Example(found, steps, [Final("H(mu, w1')", hashed, sigma[:48], "first 48 bytes of signature")])


def norms() -> Example:
    found = vector("primitives/ml_dsa_65_verify/z-norm-at-bound")
    pk, message, sigma = found.input["pk"], found.input["message"], found.input["signature"]
    _, z, _ = dsa.sig_decode(P, sigma)
    steps = [
        Step("z[0]", z[0], "signed"),
        Step("the same modulo q", [x % dsa.q for x in z[0]], "what the NTT works with"),
        Step("mod+- q of that", dsa.mod_pm_q([[x % dsa.q for x in z[0]]])[0], "signed again"),
        Step("norm of z", dsa.infinity_norm(z)),
        Step("bound", P.gamma1 - P.beta, "the norm has to be below it"),
    ]
    return Example(
        found, steps, [Final("refused", not dsa.verify(P, pk, message, sigma), not found.valid, "result: invalid")]
    )


def spki() -> Example:
    found = vector("primitives/ml_dsa_65_spki_encode/key-1")
    pk, prefix = found.input["pk"], keys.spki_prefix(P)
    steps = [
        Step("pk", pk),
        Step("SEQUENCE, length 1970", prefix[:4], "30, 82 for two bytes of length, 07b2"),
        Step("SEQUENCE, length 11", prefix[4:6], "AlgorithmIdentifier"),
        Step("OBJECT IDENTIFIER", prefix[6:17], "2.16.840.1.101.3.4.3.18, and no parameters"),
        Step("BIT STRING, length 1953", prefix[17:21]),
        Step("unused bits", prefix[21:22], "none"),
    ]
    return Example(found, steps, [Final("prefix and pk", keys.encode_spki(P, pk), found.output["spki"], "spki")])


def spki_decode() -> Example:
    found = vector("primitives/ml_dsa_65_spki_decode/key")
    der = found.input["spki"]
    steps = [
        Step("spki", der),
        Step("length", len(der), "22 + 1952, or it is refused"),
        Step("first 22 bytes", der[:22], "compared with the prefix, byte by byte"),
    ]
    return Example(found, steps, [Final("pk", keys.decode_spki(P, der), found.output["pk"], "pk")])


def spki_refused() -> Example:
    found = vector("primitives/ml_dsa_65_spki_decode/oid-ml-dsa-44")
    der = found.input["spki"]
    try:
        keys.decode_spki(P, der)
        said = ""
    except EncodingError as fault:
        said = str(fault)
    steps = [
        Step("first 22 bytes", der[:22]),
        Step("the prefix", keys.spki_prefix(P), "differs in the last byte of the object identifier"),
        Step("error", said),
    ]
    return Example(found, steps, [Final("refused", bool(said), not found.valid, "result: invalid")])


def pkcs8() -> Example:
    found = vector(KEYGEN)
    prefix = keys.pkcs8_seed_prefix(P)
    der = keys.encode_pkcs8_seed(P, found.input["xi"])
    steps = [
        Step("SEQUENCE, length 52", prefix[:2]),
        Step("INTEGER 0", prefix[2:5], "the version"),
        Step("AlgorithmIdentifier", prefix[5:18]),
        Step("OCTET STRING, length 34", prefix[18:20]),
        Step("[0], length 32", prefix[20:22], "the choice: seed"),
        Step("PKCS#8", der, "prefix and seed"),
    ]
    pk, _ = dsa.keygen_internal(P, keys.decode_pkcs8_seed(P, der))
    return Example(found, steps, [Final("public key of the seed, decoded again", pk, found.output["pk"], "pk")])


EXAMPLES: dict[str, Make] = {
    "ml_dsa.keygen": keygen,
    "ml_dsa.sign": sign,
    "ml_dsa.attempt": attempt,
    "ml_dsa.verify": verify,
    "ml_dsa.expand_a": expand_a,
    "ml_dsa.expand_s": expand_s,
    "ml_dsa.expand_mask": expand_mask,
    "ml_dsa.sample_in_ball": sample_in_ball,
    "ml_dsa.power2round": power2round,
    "ml_dsa.decompose": decompose,
    "ml_dsa.make_hint": make_hint,
    "ml_dsa.use_hint": use_hint,
    "ml_dsa.bit_pack": bit_pack,
    "ml_dsa.hint_bit_pack": hint_bit_pack,
    "ml_dsa.encodings": encodings,
    "ml_dsa.signature_parts": signature_parts,
    "ml_dsa.ntt": ntt,
    "ml_dsa.norms": norms,
    "ml_dsa.lanes": in_lanes,
    "ml_dsa.challenge_times": challenge_times,
    "ml_dsa_keys.spki": spki,
    "ml_dsa_keys.spki_decode": spki_decode,
    "ml_dsa_keys.spki_refused": spki_refused,
    "ml_dsa_keys.pkcs8": pkcs8,
}
