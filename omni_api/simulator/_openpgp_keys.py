"""Decides what an OpenPGP key may sign, and whether a detached signature is its own.

A certificate is believed only as far as its own signatures carry it: user ids by a certification
of the primary key, subkeys by a binding, and a signing subkey by its back signature as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import Callable

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from omni_api.simulator import _openpgp_packets as packets
from omni_api.simulator._openpgp_packets import KeyMaterial, OpenPGPError, Signature

CERTIFY, SIGN = 0x01, 0x02
BINARY, BINDING, BACK, DIRECT = 0x00, 0x18, 0x19, 0x1F
CERTIFICATIONS = (0x10, 0x11, 0x12, 0x13)
KEY_REVOCATION, SUBKEY_REVOCATION, USER_ID_REVOCATION = 0x20, 0x28, 0x30

# SHA-1 and MD5 are left out: Go's library refuses signatures made with them.
_HASHES: dict[int, tuple[str, hashes.HashAlgorithm]] = {
    8: ("sha256", hashes.SHA256()),
    9: ("sha384", hashes.SHA384()),
    10: ("sha512", hashes.SHA512()),
    11: ("sha224", hashes.SHA224()),
    12: ("sha3_256", hashes.SHA3_256()),
    14: ("sha3_512", hashes.SHA3_512()),
}
_CURVES: dict[bytes, ec.EllipticCurve] = {
    bytes.fromhex("2a8648ce3d030107"): ec.SECP256R1(),
    bytes.fromhex("2b81040022"): ec.SECP384R1(),
    bytes.fromhex("2b81040023"): ec.SECP521R1(),
}
_ED25519_OID = bytes.fromhex("2b06010401da470f01")

# (digest, hash, the numbers of the signature packet); raises InvalidSignature
_Check = Callable[[bytes, hashes.HashAlgorithm, bytes], None]


@attrs.frozen(kw_only=True)
class Component:
    """A primary key or subkey that may make signatures over data."""

    material: KeyMaterial
    expires: int | None
    """Unix seconds, or None when it never does."""
    check: _Check = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Certificate:
    """A public key with everything its own signatures vouch for."""

    fingerprint: str
    created: int
    lifetime: int
    """Seconds; 0 when the key never expires."""
    user_ids: tuple[str, ...]
    """Certified user ids, the primary one first."""
    revoked: bool
    signers: tuple[Component, ...] = attrs.field(repr=False)

    def verify(self, data: bytes, detached: bytes, *, now: int) -> bool:
        """Is `detached` a valid binary signature of this certificate over `data`?"""
        try:
            found = [body for tag, body in packets.packets(detached) if tag == packets.SIGNATURE]
            if len(found) != 1:
                return False
            signed = packets.signature(found[0])
        except OpenPGPError:
            return False
        if signed.kind != BINARY or signed.unknown_critical:
            return False
        if signed.lifetime and signed.created + signed.lifetime < now:
            return False
        # A signature from the future is tolerated within the clock skew, but never by more
        # than half of the key's life.
        ahead = min(self.lifetime // 2, 300) if self.lifetime else 300
        if signed.created > now + ahead:
            return False
        for signer in self.signers:
            if signer.expires is not None and signer.expires < now:
                continue
            if signed.issuer and not signer.material.fingerprint.endswith(signed.issuer):
                continue
            if _holds(signer.check, signed, data, signer.material.algorithm):
                return True
        return False


def read_certificate(data: bytes) -> Certificate:
    """Read one public key. Raises `OpenPGPError` for private keys and for anything malformed."""
    read = _Reader()
    for tag, body in packets.packets(data):
        read.packet(tag, body)
    return read.certificate()


@attrs.define
class _Part:
    """A primary key, subkey or user id with the signatures that follow it."""

    hashed: bytes
    material: KeyMaterial | None = None
    text: str = ""
    signatures: list[Signature] = attrs.field(factory=list)


@attrs.define
class _Reader:
    """Collects the packets of one certificate and then judges them."""

    parts: list[_Part] = attrs.field(factory=list)

    def packet(self, tag: int, body: bytes) -> None:
        if tag in (packets.SECRET_KEY, packets.SECRET_SUBKEY):
            msg = "PGP key contains private key"
            raise OpenPGPError(msg)
        if tag == packets.PUBLIC_KEY:
            if self.parts:
                msg = "more than one key"
                raise OpenPGPError(msg)
            material = packets.key_material(body)
            self.parts.append(_Part(material.hashed, material=material))
        elif not self.parts:
            msg = "gopenpgp: the key does not contain any entity"
            raise OpenPGPError(msg)
        elif tag == packets.PUBLIC_SUBKEY:
            material = packets.key_material(body)
            self.parts.append(_Part(material.hashed, material=material))
        elif tag == packets.USER_ID:
            hashed = b"\xb4" + struct.pack(">I", len(body)) + body
            self.parts.append(_Part(hashed, text=body.decode(errors="replace")))
        elif tag == packets.SIGNATURE:
            # Signatures of other versions or of strangers' tools say nothing to us.
            with contextlib.suppress(OpenPGPError):
                self.parts[-1].signatures.append(packets.signature(body))

    def certificate(self) -> Certificate:
        if not self.parts or self.parts[0].material is None:
            msg = "gopenpgp: the key does not contain any entity"
            raise OpenPGPError(msg)
        primary = self.parts[0].material
        check = _checker(primary)
        if check is None:
            msg = f"unsupported public key algorithm {primary.algorithm}"
            raise OpenPGPError(msg)

        def own(part: _Part, kinds: tuple[int, ...]) -> list[Signature]:
            """The primary key's signatures over a part, newest first."""
            over = primary.hashed + (b"" if part is self.parts[0] else part.hashed)
            good = [
                one
                for one in part.signatures
                if one.kind in kinds and _holds(check, one, over, primary.algorithm)
            ]
            return sorted(good, key=lambda one: one.created, reverse=True)

        revoked = bool(own(self.parts[0], (KEY_REVOCATION,)))
        bindings: list[tuple[str, Signature]] = []
        for part in self.parts[1:]:
            certified = own(part, CERTIFICATIONS) if part.material is None else []
            if certified and not own(part, (USER_ID_REVOCATION,)):
                bindings.append((part.text, certified[0]))
        bindings.sort(key=lambda pair: not pair[1].primary_user_id)
        about = [one for _, one in bindings] + own(self.parts[0], (DIRECT,))
        if not bindings:
            msg = "gopenpgp: the key does not contain any entity"
            raise OpenPGPError(msg)
        flags = next((one.key_flags for one in about if one.key_flags is not None), None)
        lifetime = next((one.key_lifetime for one in about if one.key_lifetime), 0)
        signers = []
        if flags is None or flags & SIGN:
            expires = primary.created + lifetime if lifetime else None
            signers.append(Component(material=primary, expires=expires, check=check))
        for part in self.parts[1:]:
            if part.material is not None and not own(part, (SUBKEY_REVOCATION,)):
                for binding in own(part, (BINDING,))[:1]:
                    signers += _signing_subkey(primary, part.material, binding)
        return Certificate(
            fingerprint=primary.fingerprint,
            created=primary.created,
            lifetime=lifetime,
            user_ids=tuple(text for text, _ in bindings),
            revoked=revoked,
            signers=tuple(signers),
        )


def _signing_subkey(
    primary: KeyMaterial, subkey: KeyMaterial, binding: Signature
) -> list[Component]:
    """The subkey as a signer: nothing unless it is flagged so and has signed back."""
    check = _checker(subkey)
    if check is None or not (binding.key_flags or 0) & SIGN:
        return []
    for body in binding.embedded:
        try:
            back = packets.signature(body)
        except OpenPGPError:
            continue
        over = primary.hashed + subkey.hashed
        if back.kind == BACK and _holds(check, back, over, subkey.algorithm):
            lifetime = binding.key_lifetime
            expires = subkey.created + lifetime if lifetime else None
            return [Component(material=subkey, expires=expires, check=check)]
    return []


def _holds(check: _Check, one: Signature, over: bytes, algorithm: int) -> bool:
    if one.hash_algorithm not in _HASHES or one.algorithm != algorithm:
        return False
    name, kind = _HASHES[one.hash_algorithm]
    digest = hashlib.new(name, over + one.hashed).digest()
    if digest[:2] != one.left:
        return False
    try:
        check(digest, kind, one.numbers)
    except (InvalidSignature, OpenPGPError, ValueError):
        return False
    return True


def _checker(key: KeyMaterial) -> _Check | None:
    """How to check signatures of this key; None for encryption keys and unknown algorithms."""
    material = key.material
    try:
        if key.algorithm in (1, 3):
            n, position = packets.integer(material, 0)
            e, _ = packets.integer(material, position)
            numbers = rsa.RSAPublicNumbers(int.from_bytes(e, "big"), int.from_bytes(n, "big"))
            return _rsa(numbers.public_key())
        if key.algorithm == 27:
            raw = ed25519.Ed25519PublicKey.from_public_bytes(material)
            return lambda digest, _kind, sent: raw.verify(sent, digest)
        if key.algorithm in (19, 22):
            oid = material[1 : 1 + material[0]]
            point, _ = packets.integer(material, 1 + material[0])
            if key.algorithm == 22 and oid == _ED25519_OID and point[:1] == b"\x40":
                return _eddsa(ed25519.Ed25519PublicKey.from_public_bytes(point[1:]))
            if key.algorithm == 19 and oid in _CURVES:
                return _ecdsa(ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[oid], point))
    except (IndexError, ValueError):
        return None
    return None


def _eddsa(key: ed25519.Ed25519PublicKey) -> _Check:
    def check(digest: bytes, _kind: hashes.HashAlgorithm, sent: bytes) -> None:
        r, position = packets.integer(sent, 0)
        s, _ = packets.integer(sent, position)
        key.verify(r.rjust(32, b"\0") + s.rjust(32, b"\0"), digest)

    return check


def _ecdsa(key: ec.EllipticCurvePublicKey) -> _Check:
    def check(digest: bytes, kind: hashes.HashAlgorithm, sent: bytes) -> None:
        r, position = packets.integer(sent, 0)
        s, _ = packets.integer(sent, position)
        der = utils.encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        key.verify(der, digest, ec.ECDSA(utils.Prehashed(kind)))

    return check


def _rsa(key: rsa.RSAPublicKey) -> _Check:
    def check(digest: bytes, kind: hashes.HashAlgorithm, sent: bytes) -> None:
        number, _ = packets.integer(sent, 0)
        size = key.key_size // 8
        key.verify(number.rjust(size, b"\0"), digest, padding.PKCS1v15(), utils.Prehashed(kind))

    return check
