# SPDX-License-Identifier: Apache-2.0
"""Sends sealed requests with pyhpke and cryptography, by docs/PROTOCOL.md, "Sealed requests".

    python3 peer.py SOCKET KEY_CONFIG_HEX COUNT
"""

import base64
import json
import os
import random
import socket
import sys

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

LABEL = b"message/vsattest-v1"


class Config:
    def __init__(self, text):
        raw = bytes.fromhex(text)
        self.header = raw[:3] + raw[-4:]
        kem = KEMId(int.from_bytes(raw[1:3], "big"))
        kdf = KDFId(int.from_bytes(raw[-4:-2], "big"))
        self.suite = CipherSuite.new(kem, kdf, AEADId(int.from_bytes(raw[-2:], "big")))
        self.key = self.suite.kem.deserialize_public_key(raw[3:-6])
        self.hash = hashes.SHA384() if kdf == KDFId.HKDF_SHA384 else hashes.SHA256()


def seal(to, aad, plaintext):
    enc, sender = to.suite.create_sender_context(to.key, LABEL + b" request\0" + to.header)
    padded = plaintext + b" " * (-len(plaintext) % 256)
    return enc, sender, to.header + enc + sender.seal(padded, aad)


def open_reply(to, enc, sender, sealed):
    """RFC 9458 section 4.4."""
    secret = sender.export(LABEL + b" response", 32)
    extract = hmac.HMAC(enc + sealed[:32], to.hash)
    extract.update(secret)
    prk = extract.finalize()
    key = HKDFExpand(to.hash, 32, b"key").derive(prk)
    nonce = HKDFExpand(to.hash, 12, b"nonce").derive(prk)
    return AESGCM(key).decrypt(nonce, sealed[32:], None)


def main(path, config, count):
    to = Config(config)
    with socket.socket(socket.AF_UNIX) as enclave:
        enclave.settimeout(60)
        enclave.connect(path)
        replies = enclave.makefile("rb")
        for i in range(int(count)):
            name = os.urandom(12).hex()
            aad = os.urandom(20) if i % 2 else b""
            text = json.dumps({"command": "ping", "id": name, "filling": "x" * random.randrange(2000)})
            enc, sender, sealed = seal(to, aad, text.encode())
            request = {"command": "sealed", "sealed": base64.b64encode(sealed).decode()}
            if aad:
                request["aad"] = base64.b64encode(aad).decode()
            for expected in (None, "sealed_replayed"):
                enclave.sendall(json.dumps(request).encode() + b"\n")
                reply = json.loads(replies.readline())
                assert reply.get("error_code") == expected, reply
                if expected is None:
                    opened = open_reply(to, enc, sender, base64.b64decode(reply["sealed"]))
                    inner = json.loads(opened)
                    assert inner["success"] and inner["message"] == "pong" and inner["id"] == name, inner
                    assert len(opened) % 256 == 0
    print(count)


main(*sys.argv[1:])
