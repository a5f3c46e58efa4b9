# SPDX-License-Identifier: Apache-2.0
"""Sends sealed requests with pyhpke and cryptography, by docs/PROTOCOL.md, "Sealed requests".

    python3 peer.py SOCKET KEY_CONFIG_HEX COUNT

The other way round, it opens requests and seals replies as an enclave does: the first line it writes is
its key configuration, then each line it reads is a request.

    python3 peer.py open KEM_ID
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


def padded(text):
    return text + b" " * (-len(text) % 256)


def seal(to, aad, plaintext):
    enc, sender = to.suite.create_sender_context(to.key, LABEL + b" request\0" + to.header)
    return enc, sender, to.header + enc + sender.seal(padded(plaintext), aad)


def reply_keys(to, context, enc, salt):
    """RFC 9458 section 4.4."""
    secret = context.export(LABEL + b" response", 32)
    extract = hmac.HMAC(enc + salt, to.hash)
    extract.update(secret)
    prk = extract.finalize()
    return AESGCM(HKDFExpand(to.hash, 32, b"key").derive(prk)), HKDFExpand(to.hash, 12, b"nonce").derive(prk)


def open_reply(to, enc, sender, sealed):
    gcm, nonce = reply_keys(to, sender, enc, sealed[:32])
    return gcm.decrypt(nonce, sealed[32:], None)


def answer(own, private_key, request):
    """Opens one request, and seals a reply that holds what it got."""
    sealed = base64.b64decode(request["sealed"])
    aad = base64.b64decode(request.get("aad", ""))
    assert sealed[:7] == own.header, "not sealed to this key"
    size = len(own.key.to_public_bytes())
    enc = sealed[7:7 + size]
    recipient = own.suite.create_recipient_context(enc, private_key, LABEL + b" request\0" + own.header)
    text = recipient.open(sealed[7 + size:], aad)
    assert len(text) % 256 == 0
    reply = b'{"success":true,"aad":"%s","request":%s}' % (aad.hex().encode(), text.rstrip(b" "))
    salt = os.urandom(32)
    gcm, nonce = reply_keys(own, recipient, enc, salt)
    return {"success": True, "sealed": base64.b64encode(salt + gcm.encrypt(nonce, padded(reply), None)).decode()}


def open_requests(kem_id):
    kem = int(kem_id, 0)
    kdf = KDFId.HKDF_SHA384 if KEMId(kem) == KEMId.DHKEM_P384_HKDF_SHA384 else KDFId.HKDF_SHA256
    suite = CipherSuite.new(KEMId(kem), kdf, AEADId.AES256_GCM)
    pair = suite.kem.derive_key_pair(os.urandom(64))
    text = b"\7" + kem.to_bytes(2, "big") + pair.public_key.to_public_bytes()
    text += b"\0\4" + kdf.value.to_bytes(2, "big") + b"\0\2"
    print(text.hex(), flush=True)
    own = Config(text.hex())
    for line in sys.stdin:
        print(json.dumps(answer(own, pair.private_key, json.loads(line))), flush=True)


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


if sys.argv[1] == "open":
    open_requests(sys.argv[2])
else:
    main(*sys.argv[1:])
