# SPDX-License-Identifier: Apache-2.0
"""Asking an enclave for attestation, from its parent instance."""

from __future__ import annotations

import base64
import logging
import os
import tempfile
import threading
import weakref
from types import TracebackType
from typing import Any, Dict, Iterable, List, Optional, Type, Union

from vsattest import _convert
from vsattest._native import ffi, lib
from vsattest.errors import (
    AttestationError,
    InternalError,
    TransportError,
    UsageError,
    WrongTypeError,
)
from vsattest.policy import Policy, Root, make_policy, read_roots, verifier_for
from vsattest.sealed import SealedEnclave, make_sender
from vsattest.verification import verification_of, warn_of

_log = logging.getLogger("vsattest")
_MAX_TIMEOUT = 86400


def _find_enclave(timeout_ms: int) -> int:
    """The CID of the one running enclave, by nitro-cli."""
    selector = ffi.new("struct vsa_enclave_selector *")
    enclave = ffi.new("struct vsa_enclave *")
    running = ffi.new("struct vsa_enclave_list *")
    error = _convert.new_error()
    status = lib.vsa_find_enclave(selector, timeout_ms, running, enclave, error)
    if running.unreachable:
        _log.warning("nitro-cli could not reach %d enclave process(es): they are left out",
                     running.unreachable)
    try:
        _convert.check(status, error)
    except TransportError as failure:
        if failure.error_code == "ambiguous_enclave":
            failure.enclaves = [_describe(running.enclaves[i]) for i in range(running.count)]
        raise
    return int(enclave.cid)


def _describe(enclave: Any) -> Dict[str, Any]:
    return {
        "name": _convert.text_of(enclave.name) or None,
        "id": _convert.text_of(enclave.id),
        "cid": int(enclave.cid),
        "debug_mode": bool(enclave.debug_mode),
    }


def _save(path: "Union[str, os.PathLike[str]]", text: str) -> None:
    """All of the file or nothing, readable by its owner only, as the C program does it."""
    target = os.path.abspath(os.fspath(path))
    if os.path.lexists(target) and (os.path.islink(target) or not os.path.isfile(target)):
        raise OSError(f"cannot write {target}: it exists and is not a regular file")
    handle, temporary = tempfile.mkstemp(prefix=".", dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _text_or_none(value: Optional[bytes]) -> Optional[str]:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _base64_or_none(value: Optional[bytes]) -> Optional[str]:
    return None if value is None else base64.b64encode(value).decode("ascii")


def _result(
    reply: Any, user_data: Optional[bytes], nonce: Optional[bytes], has_public_key: bool
) -> Dict[str, Any]:
    """The members that the C program prints for a document that has arrived."""
    document = bytes(ffi.buffer(reply.document, reply.document_size))
    return {
        "success": True,
        "attestation_document": base64.b64encode(document).decode("ascii"),
        "user_data": _text_or_none(user_data),
        "user_data_base64": _base64_or_none(user_data),
        "nonce": _text_or_none(nonce),
        "nonce_base64": _base64_or_none(nonce),
        "has_public_key": has_public_key,
        "document_size": len(document),
        "timestamp": int(reply.timestamp_ms) or None,
    }


def _received(reply: Any) -> Dict[str, Any]:
    """What the peer says: not verified."""
    user_data = nonce = None
    if reply.has_user_data:
        user_data = bytes(ffi.buffer(reply.user_data, reply.user_data_size))
    if reply.has_nonce:
        nonce = bytes(ffi.buffer(reply.nonce, reply.nonce_size))
    return {**_result(reply, user_data, nonce, bool(reply.has_public_key)), "verified": False}


def _verified(reply: Any, claims: Any) -> Dict[str, Any]:
    verification = verification_of(claims)
    has_public_key = bool(verification["public_key"])
    members = _result(reply, verification["user_data"], verification["nonce"], has_public_key)
    return {**members, "verified": True, "verification": verification}


def _failed(error: AttestationError) -> Dict[str, Any]:
    """Nothing was received."""
    result = {
        "success": False,
        "error": str(error),
        "error_code": error.error_code,
        "verified": False,
        "verification_error": str(error),
    }
    if isinstance(error, TransportError) and error.enclaves:
        result["enclaves"] = list(error.enclaves)
    return result


class _Request:
    """A `struct vsa_attestation_request`, and what it borrows from."""

    def __init__(self, user_data: object, nonce: object, generate_key: object) -> None:
        self.keep: List[Any] = []
        self.pointer = ffi.new("struct vsa_attestation_request *")
        lib.vsa_attestation_request_init(self.pointer)
        user_data_bytes = _convert.as_field("user_data", user_data)
        nonce_bytes = _convert.as_field("nonce", nonce, may_be_empty=False)
        self.pointer.user_data = _convert.slice_of(user_data_bytes, self.keep)
        self.pointer.nonce = _convert.slice_of(nonce_bytes, self.keep)
        self.pointer.generate_key = _convert.as_flag("generate_key", generate_key)


class VsockAttestationClient:
    """A client of one enclave.

    It connects when it is first used and keeps its connection for the next request. It may be
    shared between threads: calls at the same time have a connection each, up to a limit. In a child
    of ``os.fork()`` it connects anew. Close it, or use it in ``with``.

    Args:
        enclave_cid: the enclave's CID, 1 to 4294967294 and not 2, the host. None: the one enclave
            that ``nitro-cli describe-enclaves`` shows as running, asked when it is needed.
        port: the server's vsock port, 1 to 4294967294.
        timeout: seconds for one call, with all that belongs to it; up to 86400. Finding the
            enclave may take as long again. A call cannot be interrupted by Ctrl-C before that.
        address: instead of CID and port: ``"vsock:CID:PORT"``, ``"unix:PATH"``,
            ``"vsock-mux:PATH:PORT"`` or ``"tcp:HOST:PORT"``.
        roots: root certificates to trust besides AWS's: PEM or DER, or paths (str or
            ``pathlib.Path``).
        policy: what `request_and_verify` expects of documents. Without PCRs or measurements
            nothing says which program runs in the enclave.
        retries: how often one call asks again, with pauses between, up to 100, while the enclave
            is busy or cannot be reached and asking twice is harmless (``vsattest/client.h`` has the
            rules).
        max_connections: open at once, 1 to 1024; further calls wait for one.

    Raises:
        UsageError: an argument makes no sense; WrongTypeError if for its type.
        MalformedError, TrustError, LimitError: a root certificate cannot be used.
    """

    def __init__(
        self,
        enclave_cid: Optional[int] = None,
        port: int = 9000,
        timeout: float = 30,
        *,
        address: Optional[str] = None,
        roots: Optional[Iterable[Root]] = None,
        policy: Optional[Policy] = None,
        retries: int = 0,
        max_connections: int = 8,
    ) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._native: Any = None
        self._port = _convert.as_integer("port", port, 1, lib.VSA_CID_ANY - 1)
        self._timeout_ms = _convert.as_milliseconds("timeout", timeout, _MAX_TIMEOUT)
        if not self._timeout_ms:
            raise UsageError("timeout must be more than 0")
        self._native_options = ffi.new("struct vsa_client_options *")
        lib.vsa_client_options_init(self._native_options)
        self._native_options.timeout_ms = self._timeout_ms
        self._native_options.retries = _convert.as_integer(
            "retries", retries, 0, lib.VSA_MAX_RETRIES
        )
        self._native_options.max_connections = _convert.as_integer(
            "max_connections", max_connections, 1, lib.VSA_MAX_CLIENT_CONNECTIONS
        )
        self._detect = enclave_cid is None and address is None
        self._address = self._given_address(enclave_cid, address)
        # Read once: files may change.
        self._policy = make_policy(Policy() if policy is None else policy)
        self._roots = read_roots(roots)
        verifier_for(self._roots)
        _clients.add(self)

    def _given_address(self, cid: object, address: object) -> Optional[bytes]:
        if address is not None:
            if cid is not None:
                raise UsageError("address says it all: no enclave_cid beside it")
            return _convert.as_address("address", address)
        if cid is None:
            return None
        number = _convert.as_integer("enclave_cid", cid, 1, lib.VSA_CID_ANY - 1)
        if number == 2:
            raise UsageError("enclave_cid: 2 is the host itself")
        return self._vsock_address(number)

    def _vsock_address(self, cid: int) -> bytes:
        return b"vsock:%d:%d" % (cid, self._port)

    # --- connections ---

    def _after_fork(self) -> None:
        # The lock may be held by a thread that is not there; the connections are the parent's.
        self._lock = threading.Lock()
        self._native = None

    def _make_native(self) -> Any:
        if self._address is None:
            self._address = self._vsock_address(_find_enclave(self._timeout_ms))
        holder = ffi.new("struct vsa_client **")
        error = _convert.new_error()
        status = lib.vsa_client_new(self._address, self._native_options, holder, error)
        _convert.check(status, error)
        # Freed when close() was called and the last call has come back.
        return ffi.gc(holder[0], lib.vsa_client_free)

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError("the client is closed")

    def _find_native(self) -> Any:
        with self._lock:
            self._check_open()
            if self._native is None:
                self._native = self._make_native()
            return self._native

    def _forget(self, native: Any) -> None:
        """The enclave that was found has gone; another may run by now."""
        with self._lock:
            if self._native is native:
                self._native = self._address = None

    def _call(self, function: Any, *arguments: Any) -> None:
        """One exchange. Raises for every status but VSA_OK."""
        native = self._find_native()
        error = _convert.new_error()
        status = function(native, *arguments, error)
        if self._detect and status in (lib.VSA_ERR_NO_SUCH_CID, lib.VSA_ERR_REFUSED):
            self._forget(native)
        _convert.check(status, error)

    def close(self) -> None:
        """Closes all connections, those in use when their calls are over.

        Calls after this raise UsageError; closing twice is harmless.
        """
        with self._lock:
            self._closed = True
            self._native = None

    def __enter__(self) -> "VsockAttestationClient":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    # --- requests ---

    def ping(self) -> bool:
        """Whether the enclave's server answers.

        The reason why not goes to the logger ``vsattest`` (level INFO); `get_status` raises it.

        Raises:
            UsageError: the client is closed.
            InternalError: out of memory, or a fault of the library.
        """
        try:
            self._call(lib.vsa_client_ping)
        except (UsageError, InternalError):
            raise
        except AttestationError as error:
            _log.info("ping: %s (%s)", error, error.error_code)
            return False
        return True

    def get_status(self) -> Dict[str, Any]:
        """What the server says of itself: ``"status"``, ``"uptime"`` (seconds) and more.

        docs/PROTOCOL.md, "status", lists the members. It is the server's word and proves nothing.

        Raises:
            TransportError: no enclave, no server listens there, no answer in time, ...
            LimitError: the server is busy.
            PolicyError: the server refused.
            MalformedError, FormatError: the answer is none.
        """
        reply = ffi.new("json_t **")
        self._call(lib.vsa_client_status, reply)
        return _convert.take_json(reply[0])

    def send_request(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Sends any request, also of commands of your own, and returns the reply.

        Args:
            request: ``{"command": NAME, ...}``: what `json.dumps` can write, without ``"id"``,
                at most 65536 bytes as JSON and 8 levels deep.

        Returns:
            The reply, whose ``"success"`` is true.

        Raises:
            PolicyError: the server refused; its words are in the exception's.
            FormatError: the request has no command, an ``"id"``, or is too long.
            Others as `get_status`.
        """
        if not isinstance(request, dict):
            raise WrongTypeError(f"a request is a dict, not {type(request).__name__}")
        sent = _convert.to_json("the request", request)
        reply = ffi.new("json_t **")
        self._call(lib.vsa_client_request, sent, reply)
        return _convert.take_json(reply[0])

    def seal(self, *, sign_key: "Optional[Root]" = None) -> SealedEnclave:
        """Gets the enclave's sealing key and verifies the document about it.

        What the client's policy says must hold, with a nonce made for this document; and the policy
        must name a PCR of the image or measurements, unless it says ``any_enclave=True``.

        Args:
            sign_key: a P-384 private key that signs each request, so that the enclave knows who
                sends it: PEM or DER, not encrypted, or a path.

        Returns:
            What sends requests that only this enclave can read. For example::

                with VsockAttestationClient(policy=Policy(pcrs={0: "..."})) as client:
                    enclave = client.seal()
                    enclave.send_request({"command": "unlock", "password": "..."})

        Raises:
            TrustError, PolicyError, MalformedError, FormatError: the document does not verify, or
                is not about a sealing key.
            UsageError: the policy names nothing (``policy_empty``), or `sign_key` is no such key.
            Others as `get_status`.
        """
        sender = make_sender(sign_key)
        native = self._find_native()
        return SealedEnclave(self, native, verifier_for(self._roots), self._policy, sender)

    def request_attestation(
        self,
        user_data: Optional[_convert.TextOrBytes] = None,
        nonce: Optional[_convert.TextOrBytes] = None,
        generate_key: bool = False,
    ) -> Dict[str, Any]:
        """Requests a document and verifies nothing.

        Args:
            user_data: put into the document, at most 1024 bytes, text as UTF-8. None: the server's
                own, ``"hello-from-enclave"``.
            nonce: text or bytes, not empty. None: none.
            generate_key: have the enclave make a P-384 key pair and attest to its public half.

        Returns:
            ``"attestation_document"`` (base64), ``"user_data"``, ``"nonce"`` (str, or None),
            ``"user_data_base64"``, ``"nonce_base64"``, ``"has_public_key"``, ``"document_size"``
            (bytes), ``"timestamp"`` (milliseconds since 1970); ``"verified"`` is False.

        Raises:
            As `get_status`.
        """
        request = _Request(user_data, nonce, generate_key)
        reply = ffi.new("struct vsa_attestation_reply *")
        self._call(lib.vsa_client_attest, request.pointer, reply)
        return _received(reply)

    def request_and_verify(
        self,
        user_data: Optional[_convert.TextOrBytes] = None,
        nonce: Optional[_convert.TextOrBytes] = None,
        generate_key: bool = False,
        save_to_file: "Optional[Union[str, os.PathLike[str]]]" = None,
        *,
        any_enclave: bool = False,
    ) -> Dict[str, Any]:
        """Requests a document and verifies it. Look at ``"verified"`` before anything else.

        Verified is, besides what the client's policy says, that the document holds the nonce, the
        user data if some is named, and a public key if `generate_key` is set.

        Args:
            user_data, nonce, generate_key: as in `request_attestation`, but a random nonce is made
                if none is given.
            save_to_file: where to save the document (base64), also if it does not verify.
            any_enclave: as in `Policy`, for this call.

        Returns:
            The members of `request_attestation`, and if ``"verified"`` is True
            ``"verification"``: see `vsattest.Verification`. If it is False
            ``"verification_error"`` (a sentence) and ``"error_code"``, and ``"success"`` is
            whether there was a document at all. If several enclaves run and none was named,
            ``"enclaves"`` lists them. With `save_to_file` ``"saved_to"``, which is None
            if there is a ``"save_error"``.

        Raises:
            UsageError: an argument makes no sense, or the client is closed.
            InternalError: out of memory, or a fault of the library.

        Warns:
            UserWarning: what a document that verified does not prove, in the words of the C
                programs: mostly that the client's policy names no PCR.
        """
        request = _Request(user_data, nonce, generate_key)
        any_enclave = _convert.as_flag("any_enclave", any_enclave) or self._policy.any_enclave
        if save_to_file is not None and not isinstance(save_to_file, (str, os.PathLike)):
            raise WrongTypeError(
                f"save_to_file must name a file, not be {type(save_to_file).__name__}"
            )
        verifier = verifier_for(self._roots)
        reply = ffi.new("struct vsa_attestation_reply *")
        claims = ffi.new("struct vsa_claims *")
        try:
            self._call(
                lib.vsa_client_attest_and_verify, request.pointer, verifier, self._policy.pointer,
                ffi.addressof(lib, "wall_clock_ms"), ffi.NULL, reply, claims,
            )
            result = _verified(reply, claims)
        except (UsageError, InternalError):
            raise
        except AttestationError as error:
            if not reply.document_size:
                return _failed(error)
            result = _received(reply)
            result["verification_error"] = str(error)
            result["error_code"] = error.error_code
        if save_to_file is not None:
            self._save(result, save_to_file)
        if result["verified"]:
            warn_of(claims, any_enclave)
        return result

    @staticmethod
    def _save(result: Dict[str, Any], path: "Union[str, os.PathLike[str]]") -> None:
        try:
            _save(path, result["attestation_document"])
        except (OSError, ValueError) as error:
            result["saved_to"] = None
            result["save_error"] = f"cannot save the document: {error}"
        else:
            result["saved_to"] = os.fspath(path)


_clients: "weakref.WeakSet[VsockAttestationClient]" = weakref.WeakSet()


def _after_fork() -> None:
    for client in list(_clients):
        client._after_fork()


os.register_at_fork(after_in_child=_after_fork)
