# SPDX-License-Identifier: Apache-2.0
"""Inside an enclave: documents from its Nitro Secure Module (NSM), and keys to bind to them."""

from __future__ import annotations

import base64
from typing import Any, Iterator, List, Optional

from vsattest import _convert
from vsattest._native import ffi, lib

NSM_DEVICE = "/dev/nsm"
_MAX_TIMEOUT = 86400


def get_attestation_document(
    user_data: Optional[_convert.TextOrBytes] = None,
    nonce: Optional[_convert.TextOrBytes] = None,
    public_key: Optional[_convert.TextOrBytes] = None,
    *,
    nsm: str = NSM_DEVICE,
    timeout: float = 10,
) -> bytes:
    """A document of this enclave, signed by its NSM.

    Args:
        user_data, nonce, public_key: put into it as they are, at most 1024 bytes each, text as
            UTF-8. None: null in the document, which is not the same as no bytes.
        nsm: the NSM: ``"/dev/nsm"``, or ``"unix:PATH"`` of a software NSM.
        timeout: seconds that a software NSM may take; the device has a limit of its own.

    Returns:
        The document, raw CBOR (COSE_Sign1), at most 12288 bytes. It is sent as base64:
        ``base64.b64encode(document)``.

    Raises:
        TransportError: there is no NSM, or it refused, or it did not answer in time.
        FormatError: its answer made no sense.
        UsageError: an argument makes no sense; WrongTypeError if for its type.
    """
    keep: List[Any] = []
    fields = [
        _convert.slice_of(_convert.as_field(name, value), keep)
        for name, value in (("user_data", user_data), ("nonce", nonce), ("public_key", public_key))
    ]
    address = _convert.as_c_text("nsm", nsm)
    timeout_ms = _convert.as_milliseconds("timeout", timeout, _MAX_TIMEOUT)
    holder = ffi.new("struct vsa_nsm **")
    error = _convert.new_error()
    _convert.check(lib.vsa_nsm_open(address, timeout_ms, holder, error), error)
    module = ffi.gc(holder[0], lib.vsa_nsm_free)
    document = ffi.new("struct vsa_slice *")
    _convert.check(lib.vsa_nsm_attest(module, *fields, document, error), error)
    # Borrowed from the module.
    return _convert.bytes_of(document) or b""


class EphemeralKeyPair:
    """A P-384 key pair, for one use.

    The private half is an ordinary Python object: nothing wipes it from memory. Keep it inside
    the enclave.

    Attributes:
        private_key: PKCS#8, DER.
        public_key: SubjectPublicKeyInfo, DER, 120 bytes: what belongs into a document.

    Unpacks as ``private_key, public_key = generate_ephemeral_keypair()``.
    """

    __slots__ = ("private_key", "public_key")

    def __init__(self, private_key: bytes, public_key: bytes) -> None:
        self.private_key = private_key
        self.public_key = public_key

    def __iter__(self) -> Iterator[bytes]:
        return iter((self.private_key, self.public_key))

    def __repr__(self) -> str:
        return f"EphemeralKeyPair(public_key={self.public_key!r})"

    @property
    def private_key_pem(self) -> str:
        """The private key as PEM, "PRIVATE KEY"."""
        return _pem("PRIVATE KEY", self.private_key)

    @property
    def public_key_pem(self) -> str:
        """The public key as PEM, "PUBLIC KEY"."""
        return _pem("PUBLIC KEY", self.public_key)


def _pem(label: str, der: bytes) -> str:
    text = base64.b64encode(der).decode("ascii")
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def generate_ephemeral_keypair() -> EphemeralKeyPair:
    """A fresh P-384 key pair.

    Raises:
        InternalError: the crypto library failed.
    """
    pair = ffi.new("struct vsa_key_pair *")
    error = _convert.new_error()
    try:
        _convert.check(lib.vsa_key_pair_generate(pair, error), error)
        private_key = bytes(ffi.buffer(pair.private_key, pair.private_key_size))
        public_key = bytes(ffi.buffer(pair.public_key, lib.VSA_P384_SPKI_SIZE))
    finally:
        lib.vsa_key_pair_wipe(pair)
    return EphemeralKeyPair(private_key, public_key)
