#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server in the enclave: ``from vsock_server import VsockAttestationServer``.

As a program it serves like ``enclave_app --vsock``: ``python3 vsock_server.py [PORT]``.
"""

if __name__ == "__main__":
    import sys

    try:
        from vsattest.programs import run_program
    except ImportError as error:
        print(f"vsock_server: {error}; in the repository: pip install .", file=sys.stderr)
        sys.exit(5)
    run_program("enclave_app", ["--vsock", *sys.argv[1:]])

from vsattest import AttestationError, EphemeralKeyPair, VsockAttestationServer

__all__ = ["AttestationError", "EphemeralKeyPair", "VsockAttestationServer"]
