"""Worked examples of ML-KEM-768: every one carries its values on to the key, ciphertext or secret of a vector."""

from __future__ import annotations

from hashlib import shake_128

from docs.make.worked_model import Example, Final, Make, Step, Vector, vector
from nen_ref.primitives import ml_kem as kem
from nen_ref.primitives.errors import KeyCheckError
from nen_ref.primitives.ml_kem import ML_KEM_768 as P

KEYGEN, ENCAPS, DECAPS = (f"primitives/ml_kem_768_{name}/" for name in ("keygen", "encaps", "decaps"))


def _signed(f: kem.Poly) -> kem.Poly:
    return [x - kem.q if x > kem.q // 2 else x for x in f]


def _seeds(found: Vector) -> tuple[bytes, bytes]:
    """rho and sigma of a key-generation vector."""
    return kem.G(found.input["d"] + bytes([P.k]))


def keygen() -> Example:
    found = vector(KEYGEN + "counting")
    d, z = found.input["d"], found.input["z"]
    ek, dk = kem.keygen_internal(P, d, z)
    steps = [
        Step("d", d, "first 32 random bytes"),
        Step("z", z, "second 32 random bytes"),
        Step("dk_pke", kem.k_pke_keygen(P, d).dk, "secret key of K-PKE, from d alone"),
        Step("H(ek)", kem.H(ek), "kept in dk for the hash check"),
    ]
    return Example(found, steps, [Final("ek", ek, found.output["ek"], "ek"), Final("dk", dk, found.output["dk"], "dk")])


def k_pke_keygen() -> Example:
    found = vector(KEYGEN + "counting")
    rho, sigma = _seeds(found)
    A_hat = kem.sample_matrix(rho, P.k)
    s = kem.sample_vector(sigma, range(P.k), P.eta1)
    e = kem.sample_vector(sigma, range(P.k, 2 * P.k), P.eta1)
    s_hat, e_hat = kem.ntt_vector(s), kem.ntt_vector(e)
    t_hat = kem.add_vectors(kem.multiply_matrix_vector(A_hat, s_hat), e_hat)
    ek = kem.byte_encode_vector(t_hat, 12) + rho
    steps = [
        Step("d", found.input["d"], "the seed"),
        Step("rho", rho, "first half of G(d, 3): the seed of A_hat, public"),
        Step("sigma", sigma, "second half: the seed of the secrets"),
        Step("A_hat[0][0]", A_hat[0][0], "uniform below 3329"),
        Step("s[0]", _signed(s[0]), "small: -2 to 2"),
        Step("e[0]", _signed(e[0]), "small: -2 to 2"),
        Step("s_hat[0]", s_hat[0], "its NTT is not small any more"),
        Step("t_hat[0]", t_hat[0], "A_hat s_hat + e_hat"),
    ]
    dk_pke = kem.byte_encode_vector(s_hat, 12)
    given = found.output["dk"][: P.dk_pke_size]
    return Example(
        found,
        steps,
        [Final("ek", ek, found.output["ek"], "ek"), Final("dk_pke", dk_pke, given, "the first 1152 bytes of dk")],
    )


def encaps() -> Example:
    found = vector(ENCAPS + "m-counting")
    ek, m = found.input["ek"], found.input["m"]
    K, r = kem.G(m + kem.H(ek))
    c = kem.k_pke_encrypt(P, ek, m, r)
    steps = [
        Step("ek", ek, "the key of the other side"),
        Step("m", m, "32 random bytes"),
        Step("H(ek)", kem.H(ek), "binds the secret to this key"),
        Step("r", r, "second half of G(m, H(ek)): all the randomness of the encryption"),
    ]
    return Example(found, steps, [Final("K", K, found.output["K"], "K"), Final("c", c, found.output["c"], "c")])


def k_pke_encrypt() -> Example:
    found = vector(ENCAPS + "m-counting")
    ek, m = found.input["ek"], found.input["m"]
    _, r = kem.G(m + kem.H(ek))
    t_hat, rho = kem.byte_decode_vector(ek[: 384 * P.k], 12), ek[384 * P.k :]
    y = kem.sample_vector(r, range(P.k), P.eta1)
    e1 = kem.sample_vector(r, range(P.k, 2 * P.k), P.eta2)
    e2 = kem.sample_poly_cbd(kem.PRF(r, 2 * P.k, P.eta2), P.eta2)
    y_hat = kem.ntt_vector(y)
    transposed = kem.transpose(kem.sample_matrix(rho, P.k))
    u = kem.add_vectors(kem.ntt_inverse_vector(kem.multiply_matrix_vector(transposed, y_hat)), e1)
    mu = kem.decompress(kem.byte_decode(m, 1), 1)
    v = kem.add(kem.add(kem.ntt_inverse(kem.inner_product(t_hat, y_hat)), e2), mu)
    c1 = kem.byte_encode_vector([kem.compress(f, P.du) for f in u], P.du)
    c2 = kem.byte_encode(kem.compress(v, P.dv), P.dv)
    steps = [
        Step("m", m, "the message: one bit for each coefficient"),
        Step("r", r, "the randomness"),
        Step("y[0]", _signed(y[0]), "counter 0"),
        Step("e1[0]", _signed(e1[0]), "counter 3"),
        Step("e2", _signed(e2), "counter 6"),
        Step("u[0]", u[0], "A^T y + e1"),
        Step("mu", mu, "a bit 1 becomes 1665, the farthest from 0"),
        Step("v", v, "t y + e2 + mu"),
        Step("c1", c1, "u in 10 bits for each coefficient"),
        Step("c2", c2, "v in 4 bits for each coefficient"),
    ]
    finals = [
        Final("c = c1, c2", c1 + c2, found.output["c"], "c"),
    ]
    return Example(found, steps, finals)


def _decaps(identifier: str) -> Example:
    found = vector(DECAPS + identifier)
    dk, c = found.input["dk"], found.input["c"]
    dk_pke, ek_pke, h, z = kem.split_decapsulation_key(P, dk)
    m_prime = kem.k_pke_decrypt(P, dk_pke, c)
    K_prime, r_prime = kem.G(m_prime + h)
    c_prime = kem.k_pke_encrypt(P, ek_pke, m_prime, r_prime)
    K_bar = kem.J(z + c)
    differ = sum(a != b for a, b in zip(c, c_prime, strict=True))
    steps = [
        Step("c", c, "the ciphertext that came"),
        Step("m'", m_prime, "what decryption finds in it"),
        Step("K'", K_prime, "first half of G(m', h)"),
        Step("r'", r_prime, "second half"),
        Step("K_bar", K_bar, "J(z, c): the answer if c is refused"),
        Step("c'", c_prime, "m' encrypted again with r'"),
        Step("bytes in which c and c' differ", differ, "0 means: take K'" if differ == 0 else "so K_bar is the answer"),
    ]
    return Example(found, steps, [Final("K", kem.decaps(P, dk, c), found.output["K"], "K")])


def decaps() -> Example:
    return _decaps("good")


def decaps_rejected() -> Example:
    return _decaps("flip-0")


def k_pke_decrypt() -> Example:
    found = vector(DECAPS + "good")
    dk, c = found.input["dk"], found.input["c"]
    size = 32 * P.du * P.k
    u_prime = [kem.decompress(f, P.du) for f in kem.byte_decode_vector(c[:size], P.du)]
    v_prime = kem.decompress(kem.byte_decode(c[size:], P.dv), P.dv)
    s_hat = kem.byte_decode_vector(dk[: P.dk_pke_size], 12)
    w = kem.subtract(v_prime, kem.ntt_inverse(kem.inner_product(s_hat, kem.ntt_vector(u_prime))))
    m = kem.byte_encode(kem.compress(w, 1), 1)
    h = kem.split_decapsulation_key(P, dk).h
    steps = [
        Step("u'[0]", u_prime[0], "from the first 960 bytes of c"),
        Step("v'", v_prime, "from the last 128 bytes"),
        Step("w", w, "v' - s u': near 0 or near 1665"),
        Step("bits", kem.compress(w, 1), "whichever is nearer"),
        Step("m", m, "the bits as bytes, least significant first"),
    ]
    finals = [
        Final("first half of G(m, h)", kem.G(m + h)[0], found.output["K"], "K"),
    ]
    return Example(found, steps, finals)


def _refused(check: str, ek_or_dk: bytes) -> str:
    try:
        (kem.check_encapsulation_key if check == "ek" else kem.check_decapsulation_key)(P, ek_or_dk)
    except KeyCheckError as fault:
        return str(fault)
    return ""


def check_ek() -> Example:
    found = vector("primitives/ml_kem_768_check_ek/3329-in-polynomial-0-at-0")
    ek = found.input["ek"]
    written = int.from_bytes(ek[:2], "little") % 2**12
    steps = [
        Step("ek", ek[: 384 * P.k], "t_hat, its first 1152 bytes"),
        Step("first coefficient as written", written, "not below 3329"),
        Step("decoded", kem.byte_decode(ek[:384], 12), "reduced modulo 3329: the first is 0 now"),
        Step("encoded again", kem.byte_encode(kem.byte_decode(ek[:384], 12), 12), "not the bytes that came"),
        Step("error", _refused("ek", ek)),
    ]
    finals = [
        Final("refused", bool(_refused("ek", ek)), not found.valid, "result: invalid"),
    ]
    return Example(found, steps, finals)


def check_dk() -> Example:
    found = vector("primitives/ml_kem_768_check_dk/hash-flip-0")
    dk = found.input["dk"]
    _, ek, h, _ = kem.split_decapsulation_key(P, dk)
    steps = [
        Step("ek in dk", ek, "bytes 1152 to 2335"),
        Step("h in dk", h, "bytes 2336 to 2367"),
        Step("H(ek)", kem.H(ek)),
        Step("error", _refused("dk", dk)),
    ]
    finals = [
        Final("refused", bool(_refused("dk", dk)), not found.valid, "result: invalid"),
    ]
    return Example(found, steps, finals)


def sample_ntt() -> Example:
    found = vector(KEYGEN + "counting")
    rho, sigma = _seeds(found)
    stream = shake_128(rho + bytes([0, 0])).digest(504)
    candidates = kem.twelve_bit_integers(stream)
    steps = [
        Step("B", rho + bytes([0, 0]), "rho, j = 0, i = 0"),
        Step("first bytes of the XOF", stream[:12]),
        Step("first candidates", candidates[:8], "two from every three bytes; 3329 and more are dropped"),
        Step("candidates of three blocks", len(candidates)),
        Step("of these below 3329", sum(x < kem.q for x in candidates), "the first 256 are taken"),
        Step("A_hat[0][0]", kem.sample_ntt(rho + bytes([0, 0]))),
    ]
    s_hat = kem.ntt_vector(kem.sample_vector(sigma, range(P.k), P.eta1))
    e_hat = kem.ntt_vector(kem.sample_vector(sigma, range(P.k, 2 * P.k), P.eta1))
    t_hat = kem.add_vectors(kem.multiply_matrix_vector(kem.sample_matrix(rho, P.k), s_hat), e_hat)
    encoded = kem.byte_encode_vector(t_hat, 12)
    given = found.output["ek"][: 384 * P.k]
    return Example(found, steps, [Final("A_hat s_hat + e_hat, encoded", encoded, given, "the first 1152 bytes of ek")])


def sample_poly_cbd() -> Example:
    found = vector(KEYGEN + "counting")
    _, sigma = _seeds(found)
    B = kem.PRF(sigma, 0, P.eta1)
    bits = [B[0] >> i & 1 for i in range(8)]
    s = kem.sample_poly_cbd(B, P.eta1)
    steps = [
        Step("B = PRF(sigma, 0)", B, "64 times eta bytes, eta = 2"),
        Step("bits of the first byte", bits, "least significant first; four for each coefficient"),
        Step("s[0][0]", bits[0] + bits[1] - bits[2] - bits[3], "(bit 0 + bit 1) - (bit 2 + bit 3)"),
        Step("s[0][1]", bits[4] + bits[5] - bits[6] - bits[7], "(bit 4 + bit 5) - (bit 6 + bit 7)"),
        Step("s[0]", _signed(s), "a negative one is kept as 3329 less"),
    ]
    encoded = kem.byte_encode(kem.ntt(s), 12)
    return Example(
        found, steps, [Final("NTT(s[0]), encoded", encoded, found.output["dk"][:384], "the first 384 bytes of dk")]
    )


def ntt() -> Example:
    found = vector(KEYGEN + "counting")
    _, sigma = _seeds(found)
    s = kem.sample_poly_cbd(kem.PRF(sigma, 0, P.eta1), P.eta1)
    s_hat = kem.ntt(s)
    t = kem.zeta ** kem.bit_rev_7(1) * s[128] % kem.q
    steps = [
        Step("s[0]", s, "coefficients modulo 3329"),
        Step("zeta of the first layer", kem.ZETAS[1], "17 to the power BitRev7(1) = 64"),
        Step(
            "f[0], f[128] after it", [(s[0] + t) % kem.q, (s[0] - t) % kem.q], "f[0] + zeta f[128], f[0] - zeta f[128]"
        ),
        Step("s_hat[0]", s_hat, "after seven layers"),
        Step("NTT^-1 gives s[0] again", kem.ntt_inverse(s_hat) == s),
    ]
    encoded = kem.byte_encode(s_hat, 12)
    return Example(
        found, steps, [Final("s_hat[0], encoded", encoded, found.output["dk"][:384], "the first 384 bytes of dk")]
    )


def lanes() -> Example:
    found = vector(KEYGEN + "counting")
    _, sigma = _seeds(found)
    s = kem.sample_vector(sigma, range(P.k), P.eta1)
    lanes = kem.sample_lanes(sigma, range(P.k), P.eta1)
    high = lanes >> 64 * 128 * P.k
    first_layer = (lanes + kem.ZETAS[1] * high) % 2**64
    unreduced = kem.ntt_lanes(lanes, P.k)
    s_hat = kem.from_lanes(unreduced, P.k)
    steps = [
        Step("s[0][0], s[1][0], s[2][0]", [f[0] for f in s], "the first lanes"),
        Step("bytes for the integer", 8 * 256 * P.k, "256 lanes of 8 bytes for each polynomial"),
        Step("s[0][128]", high % 2**64, "the first lane of the upper half"),
        Step("zeta of the first layer", kem.ZETAS[1]),
        Step("first lane after the first layer", first_layer, "s[0][0] + zeta s[0][128]"),
        Step("first lane after all layers", unreduced % 2**64, "below 8 q^5"),
        Step("s_hat[0][0]", s_hat[0][0], "the same modulo q"),
        Step("equal to the plain NTT", s_hat == [kem.ntt(f) for f in s]),
    ]
    encoded = kem.byte_encode_vector(s_hat, 12)
    given = found.output["dk"][: P.dk_pke_size]
    return Example(found, steps, [Final("s_hat, encoded", encoded, given, "the first 1152 bytes of dk")])


def multiply_ntts() -> Example:
    found = vector(KEYGEN + "counting")
    rho, sigma = _seeds(found)
    a = kem.sample_matrix(rho, P.k)[0]
    s_hat = kem.ntt_vector(kem.sample_vector(sigma, range(P.k), P.eta1))
    e_hat = kem.ntt(kem.sample_poly_cbd(kem.PRF(sigma, P.k, P.eta1), P.eta1))
    product = kem.multiply_ntts(a[0], s_hat[0])
    t_hat = kem.add(kem.inner_product(a, s_hat), e_hat)
    steps = [
        Step("A_hat[0][0], first pair", a[0][:2], "a0, a1"),
        Step("s_hat[0], first pair", s_hat[0][:2], "b0, b1"),
        Step("gamma of the first pair", kem.GAMMAS[0], "17 to the power 2 BitRev7(0) + 1"),
        Step("c0, c1", product[:2], "a0 b0 + a1 b1 gamma, a0 b1 + a1 b0"),
        Step("the product", product),
        Step("t_hat[0]", t_hat, "three such products and e_hat[0], added"),
    ]
    given = found.output["ek"][:384]
    return Example(
        found, steps, [Final("t_hat[0], encoded", kem.byte_encode(t_hat, 12), given, "the first 384 bytes of ek")]
    )


def compress() -> Example:
    found = vector(ENCAPS + "m-counting")
    ek, m = found.input["ek"], found.input["m"]
    _, r = kem.G(m + kem.H(ek))
    y_hat = kem.ntt_vector(kem.sample_vector(r, range(P.k), P.eta1))
    first_column = kem.transpose(kem.sample_matrix(ek[384 * P.k :], P.k))[0]
    e1 = kem.sample_poly_cbd(kem.PRF(r, P.k, P.eta2), P.eta2)
    u = kem.add(kem.ntt_inverse(kem.inner_product(first_column, y_hat)), e1)
    small = kem.compress(u, P.du)
    back = kem.decompress(small, P.du)
    encoded = kem.byte_encode(small, P.du)
    steps = [
        Step("u[0]", u, "0 to 3328"),
        Step("compressed", small, "0 to 1023: round(1024 x / 3329)"),
        Step("decompressed", back, "what the receiver gets"),
        Step("greatest error", max(abs(x) for x in _signed(kem.subtract(u, back))), "at most 2"),
        Step("first five bytes", encoded[:5], "four coefficients of 10 bits, least significant first"),
        Step("decoded again", kem.byte_decode(encoded, P.du) == small),
    ]
    return Example(found, steps, [Final("encoded", encoded, found.output["c"][:320], "the first 320 bytes of c")])


def hashes() -> Example:
    found = vector(DECAPS + "flip-0")
    dk, c = found.input["dk"], found.input["c"]
    _, ek, h, z = kem.split_decapsulation_key(P, dk)
    m_prime = bytes.fromhex(found.intermediate["m_prime"])
    K_prime, r_prime = kem.G(m_prime + h)
    steps = [
        Step("G(m', h), first half", K_prime, "SHA3-512"),
        Step("G(m', h), second half", r_prime),
        Step("PRF(r', 0), eta = 2", kem.PRF(r_prime, 0, 2), "SHAKE256 of r' and the byte 0"),
    ]
    finals = [
        Final("H(ek)", kem.H(ek), dk[2336:2368], "bytes 2336 to 2367 of dk"),
        Final("J(z, c)", kem.J(z + c), found.output["K"], "K: this c is refused"),
    ]
    return Example(found, steps, finals)


EXAMPLES: dict[str, Make] = {
    "ml_kem.keygen": keygen,
    "ml_kem.encaps": encaps,
    "ml_kem.decaps": decaps,
    "ml_kem.decaps_rejected": decaps_rejected,
    "ml_kem.check_ek": check_ek,
    "ml_kem.check_dk": check_dk,
    "ml_kem.k_pke_keygen": k_pke_keygen,
    "ml_kem.k_pke_encrypt": k_pke_encrypt,
    "ml_kem.k_pke_decrypt": k_pke_decrypt,
    "ml_kem.sample_ntt": sample_ntt,
    "ml_kem.sample_poly_cbd": sample_poly_cbd,
    "ml_kem.ntt": ntt,
    "ml_kem.lanes": lanes,
    "ml_kem.multiply_ntts": multiply_ntts,
    "ml_kem.compress": compress,
    "ml_kem.hashes": hashes,
}
