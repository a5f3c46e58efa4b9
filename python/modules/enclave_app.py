#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Inside the enclave: ``from enclave_app import get_attestation_document``.

As a program it is the C program enclave_app: see ``python3 enclave_app.py --help``.
"""

if __name__ == "__main__":
    try:
        from vsattest.programs import run_program
    except ImportError as error:
        import sys

        print(f"enclave_app: {error}; in the repository: pip install .", file=sys.stderr)
        sys.exit(5)
    run_program("enclave_app")

from vsattest import EphemeralKeyPair, generate_ephemeral_keypair, get_attestation_document

__all__ = ["EphemeralKeyPair", "generate_ephemeral_keypair", "get_attestation_document"]
