# SPDX-License-Identifier: Apache-2.0
"""Attestation documents with any text in any field, correctly signed by a chain of this file's own.

Written from the specifications (RFC 8949, RFC 9052, AWS NSM API), independently of the project's C code.
"""

import datetime
import hashlib
import os
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID


def head(major, value):
    """The first bytes of a CBOR item."""
    if value < 24:
        return bytes([major << 5 | value])
    size = next(size for size in (1, 2, 4, 8) if value < 1 << (8 * size))
    return bytes([major << 5 | 23 + size.bit_length()]) + value.to_bytes(size, "big")


def encode(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return head(5, len(value)) + b"".join(encode(key) + encode(item) for key, item in value.items())


def name(common, organization):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
                      x509.NameAttribute(NameOID.COMMON_NAME, common)])


def usage(signs_certificates):
    return x509.KeyUsage(
        digital_signature=not signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs_certificates, crl_sign=False,
        encipher_only=False, decipher_only=False)


class Chain:
    """A root, an issuer and an enclave's certificate; `texts`: pairs of common name and organization."""

    def __init__(self, texts):
        self.keys = [ec.generate_private_key(ec.SECP384R1()) for _ in texts]
        self.certificates = []
        now = datetime.datetime.now(datetime.timezone.utc)
        for level, text in enumerate(texts):
            above = max(0, level - 1)
            is_leaf = level == len(texts) - 1
            days = 0.125 if is_leaf else 10 ** (len(texts) - 1 - level)
            builder = (x509.CertificateBuilder()
                       .subject_name(name(*text)).issuer_name(name(*texts[above]))
                       .public_key(self.keys[level].public_key())
                       .serial_number(int.from_bytes(os.urandom(8), "big") | 1)
                       .not_valid_before(now - datetime.timedelta(minutes=5))
                       .not_valid_after(now + datetime.timedelta(days=days))
                       .add_extension(x509.BasicConstraints(ca=not is_leaf, path_length=None), critical=True)
                       .add_extension(usage(not is_leaf), critical=True))
            self.certificates.append(builder.sign(self.keys[above], hashes.SHA384()))

    def root_pem(self):
        return self.certificates[0].public_bytes(serialization.Encoding.PEM)

    def document(self, module_id, **fields):
        """A signed document; `fields`: nonce, user_data, public_key as bytes."""
        ders = [one.public_bytes(serialization.Encoding.DER) for one in self.certificates]
        payload = encode({
            "module_id": module_id,
            "digest": "SHA384",
            "timestamp": int(time.time() * 1000),
            "pcrs": {index: hashlib.sha384(b"%d" % index).digest() if index < 5 else bytes(48) for index in range(16)},
            "certificate": ders[-1],
            "cabundle": ders[:-1],
            "public_key": None, "user_data": None, "nonce": None,
            **fields,
        })
        protected = bytes.fromhex("a1013822")  # {1: -35}, ES384
        signed = encode(["Signature1", protected, b"", payload])
        r, s = decode_dss_signature(self.keys[-1].sign(signed, ec.ECDSA(hashes.SHA384())))
        signature = r.to_bytes(48, "big") + s.to_bytes(48, "big")
        return head(4, 4) + encode(protected) + encode({}) + encode(payload) + encode(signature)
