# SPDX-License-Identifier: Apache-2.0
"""Attestation of AWS Nitro Enclaves: libvsattest for Python.

`VsockAttestationClient` asks an enclave for attestation and verifies it,
`verify_attestation_document` verifies a document that came another way. In the enclave
`VsockAttestationServer` answers, and `get_attestation_document` asks the NSM.
"""

from vsattest._native import ffi as _ffi
from vsattest._native import lib as _lib
from vsattest.backend import Backend
from vsattest.client import VsockAttestationClient
from vsattest.enclave import (
    EphemeralKeyPair,
    generate_ephemeral_keypair,
    get_attestation_document,
)
from vsattest.errors import (
    AttestationError,
    FormatError,
    InternalError,
    LimitError,
    MalformedError,
    PolicyError,
    TransportError,
    TrustError,
    UsageError,
    WrongTypeError,
)
from vsattest.many import SavedDocument, verify_many
from vsattest.policy import Policy
from vsattest.sealed import SealedEnclave
from vsattest.server import SealedOrigin, VsockAttestationServer
from vsattest.verification import Verification, verify_attestation_document

#: The C library's version, which is the package's.
__version__: str = _ffi.string(_lib.vsa_version()).decode("ascii")

__all__ = [
    "AttestationError",
    "Backend",
    "EphemeralKeyPair",
    "FormatError",
    "InternalError",
    "LimitError",
    "MalformedError",
    "Policy",
    "PolicyError",
    "SavedDocument",
    "SealedEnclave",
    "SealedOrigin",
    "TransportError",
    "TrustError",
    "UsageError",
    "Verification",
    "VsockAttestationClient",
    "VsockAttestationServer",
    "WrongTypeError",
    "generate_ephemeral_keypair",
    "get_attestation_document",
    "verify_attestation_document",
    "verify_many",
]
