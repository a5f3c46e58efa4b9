#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks an enclave for attestation: ``from vsock_client import VsockAttestationClient``.

As a program it is the C program vsock_client: see ``python3 vsock_client.py --help``.
"""

if __name__ == "__main__":
    try:
        from vsattest.programs import run_program
    except ImportError as error:
        import sys

        print(f"vsock_client: {error}; in the repository: pip install .", file=sys.stderr)
        sys.exit(5)
    run_program("vsock_client")

from vsattest import AttestationError, Policy, VsockAttestationClient

__all__ = ["AttestationError", "Policy", "VsockAttestationClient"]
