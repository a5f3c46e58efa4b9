# SPDX-License-Identifier: Apache-2.0
"""A service behind enclave_app that keeps a database password and signs with it.

    enclave_app --vsock --backend unix:/run/signer/socket
    vsock_client --measurements signer.json --sealed --request @password.json

Commands: set_password {"password": TEXT}, which must come sealed, and sign {"message": TEXT}.
One line in, one line out; several connections at once.
"""

import hashlib
import hmac
import json
import socketserver
import sys
import threading

SALT = b"examples/services/python"
lock = threading.Lock()
key = None  # made of the password, which is not kept


def failure(code, text):
    return {"success": False, "error_code": code, "error": text}


def set_password(request, origin):
    global key
    if not origin["sealed"]:
        return failure("sealed_required", "a password is taken in sealed requests only")
    password = request.get("password")
    if not isinstance(password, str) or not password:
        return failure("field_invalid", '"password" is no text')
    made = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, 100000)
    with lock:
        if key and not hmac.compare_digest(key, made):
            return failure("field_invalid", "there is another password already")
        key = made
    return {"success": True}


def sign(request, _):
    message = request.get("message")
    if not isinstance(message, str):
        return failure("field_invalid", '"message" is no text')
    with lock:
        if not key:
            return failure("not_ready", "there is no password yet")
        return {"success": True, "signature": hmac.new(key, message.encode(), "sha256").hexdigest()}


COMMANDS = {"set_password": set_password, "sign": sign}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            request = json.loads(line)
            # What enclave_app says of the request; a client cannot.
            origin = request["vsattest"]
            command = COMMANDS.get(request["command"])
            reply = command(request, origin) if command else failure("unknown_command", "Unknown command")
            self.wfile.write(json.dumps(reply).encode() + b"\n")


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    with Server(sys.argv[1], Handler) as server:
        server.serve_forever()
