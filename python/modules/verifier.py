#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verifies attestation documents: ``from verifier import verify_attestation_document``.

As a program it is the C program verifier: see ``python3 verifier.py --help``.
"""

if __name__ == "__main__":
    try:
        from vsattest.programs import run_program
    except ImportError as error:
        import sys

        print(f"verifier: {error}; in the repository: pip install .", file=sys.stderr)
        sys.exit(5)
    run_program("verifier")

from vsattest import (
    AttestationError,
    FormatError,
    InternalError,
    LimitError,
    MalformedError,
    PolicyError,
    TransportError,
    TrustError,
    UsageError,
    Verification,
    WrongTypeError,
    verify_attestation_document,
)

__all__ = [
    "AttestationError",
    "FormatError",
    "InternalError",
    "LimitError",
    "MalformedError",
    "PolicyError",
    "TransportError",
    "TrustError",
    "UsageError",
    "Verification",
    "WrongTypeError",
    "verify_attestation_document",
]
