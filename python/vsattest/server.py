# SPDX-License-Identifier: Apache-2.0
"""A server in the enclave: the C server in a thread, with custom commands in Python."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from types import TracebackType
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Type

from vsattest import _convert
from vsattest._native import ffi, lib
from vsattest.backend import Backend
from vsattest.enclave import NSM_DEVICE, EphemeralKeyPair
from vsattest.errors import AttestationError, UsageError, WrongTypeError

_log = logging.getLogger("vsattest")
_MAX_MS = 86400 * 1000
# A few long lines and replies.
_LEAST_BUFFERED = 4 * 65536


def _buffered_by_machine() -> int:
    """A quarter of what is available, as enclave_app has it: an enclave may have 64 MiB for all."""
    available = 0
    try:
        with open("/proc/meminfo", "rb") as file:
            for line in file:
                if line.startswith(b"MemAvailable:"):
                    available = int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    most: int = lib.VSA_DEFAULT_MAX_BUFFERED
    return max(min(available // 4, most), 4 << 20)
_ERROR_MEMBERS = {"success", "error", "error_code"}


_KEMS = {"x25519": lib.VSA_SEALING_X25519, "p384": lib.VSA_SEALING_P384}


class SealedOrigin(NamedTuple):
    """Of a request that came sealed: its associated data, and who signed it."""

    aad: bytes
    #: Thumbprint of the key that signed it, 96 hexadecimal digits; None: it is not signed.
    sender: Optional[str]


class _Request(NamedTuple):
    """The request that this thread is answering."""

    server: "VsockAttestationServer"
    context: Any


_current = threading.local()


class VsockAttestationServer:
    """Answers ``ping``, ``status``, ``attest`` and more on a vsock port, as enclave_app does.

    The C server does the work, in a thread of its own that Python does not slow down. To add or
    change commands, make a subclass::

        class MyServer(VsockAttestationServer):
            def process_request(self, request):
                if request["command"] == "hello":
                    return {"success": True, "greeting": "hello"}
                return super().process_request(request)

        MyServer().serve_forever()

    A server is for one run: ``serve_forever()``, or ``start()`` and ``stop()``, or ``with``.

    Args:
        port: the vsock port to listen on, 1 to 4294967294; below 1024 it takes privileges.
        address: instead of the port: ``"vsock:any:PORT"``, ``"unix:PATH"`` or
            ``"vsock-mux:PATH:PORT"``.
        nsm: the Nitro Secure Module: ``"/dev/nsm"``, or ``"unix:PATH"`` of a software NSM.
        max_connections: open at once, 1 to 1000000; for a further one the connection that has
            been idle for longest is closed. None, here and below: the default of enclave_app.
        max_in_flight: requests accepted and not answered, 1 to 1000000; more are answered
            ``busy``.
        max_queue: of these, requests waiting for the NSM, 1 to 1000000.
        max_buffered: bytes for unfinished requests and unread replies of all connections together,
            262144 to 1099511627776; who holds most gives way. By default a quarter of the memory
            that the machine has left, but 4 MiB at least and 64 MiB at most.
        rate_limit: ``attest`` a second for each peer, 0 (no limit) to 1000000; more are answered
            ``rate_limited``. Commands in Python that attest by themselves are not counted.
        rate_burst: so many at once; 0: twice `rate_limit`.
        cache_ttl: seconds that a document may be given again for, where neither nonce nor key is
            asked for; up to 3600. 0: never.
        idle_timeout: seconds without a complete request until a connection is closed.
        request_timeout: seconds from a request to its reply.
        drain_timeout: seconds that requests in flight get after `stop`.
        seal: takes sealed requests, with a key of ``"x25519"`` or ``"p384"``; None: takes none.
            What comes sealed is handled like any other request, and its reply is sealed.
        backends: applications that answer commands in the server's place, as enclave_app's
            ``--backend``; `process_request` gets none of theirs. At most one has no names, and
            none where `process_request` is overridden, which answers all that are no other's.

    Raises:
        UsageError: an argument makes no sense; WrongTypeError if for its type.
    """

    def __init__(
        self,
        port: int = 9000,
        *,
        address: Optional[str] = None,
        nsm: str = NSM_DEVICE,
        max_connections: Optional[int] = None,
        max_in_flight: Optional[int] = None,
        max_queue: Optional[int] = None,
        max_buffered: Optional[int] = None,
        rate_limit: Optional[int] = None,
        rate_burst: Optional[int] = None,
        cache_ttl: Optional[float] = None,
        idle_timeout: Optional[float] = None,
        request_timeout: Optional[float] = None,
        drain_timeout: Optional[float] = None,
        seal: Optional[str] = None,
        backends: Sequence[Backend] = (),
    ) -> None:
        number = _convert.as_integer("port", port, 1, lib.VSA_CID_ANY - 1)
        listen = b"vsock:any:%d" % number
        if address is not None:
            listen = _convert.as_address("address", address)
            if listen.startswith(b"tcp:"):
                raise UsageError("address: an enclave has no network: listen on vsock:any:PORT, "
                                 "or unix:PATH; vsock_client --relay on its parent listens on tcp:")
        # Borrowed by the options.
        self._listen = ffi.new("char[]", listen)
        self._nsm = ffi.new("char[]", _convert.as_c_text("nsm", nsm))
        self._options = ffi.new("struct vsa_server_options *")
        lib.vsa_server_options_init(self._options)
        self._options.listen = self._listen
        self._options.nsm = self._nsm
        self._set_counts(
            1,
            1000000,
            max_connections=max_connections,
            max_in_flight=max_in_flight,
            max_queue=max_queue,
        )
        self._options.max_buffered = _buffered_by_machine()
        self._set_counts(_LEAST_BUFFERED, 1 << 40, max_buffered=max_buffered)
        self._set_counts(0, lib.VSA_MAX_RATE_LIMIT, rate_limit=rate_limit, rate_burst=rate_burst)
        self._set_times(0, lib.VSA_MAX_CACHE_TTL_MS, cache_ttl_ms=cache_ttl)
        self._set_times(
            1,
            _MAX_MS,
            idle_timeout_ms=idle_timeout,
            request_timeout_ms=request_timeout,
            drain_timeout_ms=drain_timeout,
        )
        if seal is not None and seal not in _KEMS:
            raise UsageError(f'seal must be "x25519", "p384" or None, not {_convert.shown(seal)}')
        self._seal = seal
        self._backends = tuple(backends)
        for backend in self._backends:
            if not isinstance(backend, Backend):
                raise WrongTypeError(f"backends holds {type(backend).__name__}, not Backend")
            if backend.sealed_only and seal is None:
                raise UsageError("a backend for sealed requests only: the server needs seal, too")
        self._lock = threading.Lock()
        self._server: Any = None
        self._handle: Any = None
        self._thread: Optional[threading.Thread] = None
        self._failure: Optional[Exception] = None
        self._used = False

    def _set_counts(self, least: int, most: int, **counts: Optional[int]) -> None:
        for name, count in counts.items():
            if count is not None:
                setattr(self._options, name, _convert.as_integer(name, count, least, most))

    def _set_times(self, least: int, most: int, **times: Optional[float]) -> None:
        """The options' names end in _ms, the arguments' do not."""
        for name, seconds in times.items():
            if seconds is not None:
                milliseconds = _convert.as_milliseconds(name[:-3], seconds, most / 1000)
                if milliseconds < least:
                    raise UsageError(f"{name[:-3]} must be more than 0")
                setattr(self._options, name, milliseconds)

    # --- to override ---

    def process_request(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Answers one request; override it to add commands or to change them.

        It is called for every well-formed request, in one thread, one request after the other:
        while it runs no other request is answered. Where a class does not override it Python is
        not asked at all.

        Args:
            request: the client's object; ``"command"`` is a string.

        Returns:
            The reply: what `json.dumps` can write, at most 65536 bytes as JSON and 8 levels deep.
            ``"success"`` is True unless it says otherwise, and the request's ``"id"`` is added to
            it. An error is ``{"success": False, "error": SENTENCE, "error_code": CODE}``.
            This method's own reply is that of the C server.

        An AttestationError becomes an error reply with its sentence and code. Any other exception
        is logged (logger ``vsattest``) and becomes ``internal_error``; the client learns no more.
        """
        current: Optional[_Request] = getattr(_current, "request", None)
        if current is None or current.server is not self:
            raise UsageError("the C server answers only while it calls process_request()")
        sent = _convert.to_json("the request", request)
        reply = _convert.to_json("the reply", {"success": True})
        error = _convert.new_error()
        status = lib.vsa_server_run_builtin(current.context, sent, reply, error)
        if status == lib.VSA_OK:
            result: Dict[str, Any] = _convert.from_json(reply)
            return result
        failure = _convert.error_from(status, error)
        return {"success": False, "error": str(failure), "error_code": _convert.code_of(status)}

    def sealed(self) -> Optional[SealedOrigin]:
        """From within `process_request`: how the request came sealed, or None: it came in clear.

        Raises:
            UsageError: called from elsewhere.
        """
        current: Optional[_Request] = getattr(_current, "request", None)
        if current is None or current.server is not self:
            raise UsageError("only process_request() has a request")
        aad = ffi.new("struct vsa_slice *")
        if not lib.vsa_server_sealed(current.context, aad):
            return None
        sender = _convert.text_of(lib.vsa_server_sender(current.context))
        return SealedOrigin(_convert.bytes_of(aad[0]) or b"", sender)

    def on_key(
        self,
        key: EphemeralKeyPair,
        document: bytes,
        user_data: Optional[bytes],
        nonce: Optional[bytes],
    ) -> None:
        """Gets every key pair that ``"generate_key"`` made; override it to keep the private half.

        Called before the client has the document that the public half is in. An exception fails
        the request. Where a class does not override it private keys are wiped at once.

        Args:
            key: the key pair.
            document: the attestation document, raw CBOR.
            user_data, nonce: what the request named, or None.
        """

    # --- running ---

    def start(self) -> None:
        """Listens, and serves in a thread of its own. Clients can connect when it returns.

        Raises:
            TransportError: the address is taken or not allowed, or there is no NSM device.
            UsageError: the server was started before, or an address makes no sense.
        """
        with self._lock:
            if self._used:
                raise UsageError("a server is for one run: make another")
            server = self._make()
            self._used = True
            self._server = server
            _servers.add(self)
            # Not waited for by the end of Python; _stop_all() does that.
            self._thread = threading.Thread(
                target=self._run, args=(server,), name="vsattest server", daemon=True
            )
            self._thread.start()

    def _make(self) -> Any:
        kind = type(self)
        # Weak, or nothing would ever free a server that is not stopped.
        self._handle = ffi.new_handle(weakref.ref(self))
        if kind.on_key is not VsockAttestationServer.on_key:
            self._options.on_key = lib.vsattest_on_key
            self._options.user = self._handle
        holder = ffi.new("struct vsa_server **")
        error = _convert.new_error()
        _convert.check(lib.vsa_server_new(self._options, holder, error), error)
        server = ffi.gc(holder[0], lib.vsa_server_free)
        if self._seal is not None:
            options = ffi.new("struct vsa_sealing_options *")
            lib.vsa_sealing_options_init(options)
            options.kem = _KEMS[self._seal]
            _convert.check(lib.vsa_server_enable_sealing(server, options, error), error)
        for backend in self._backends:
            backend._add_to(server)
        if kind.process_request is not VsockAttestationServer.process_request:
            command = ffi.new("struct vsa_command *")
            command.name = lib.VSA_COMMAND_ANY
            command.handler = lib.vsattest_on_request
            command.user = self._handle
            command.flags = lib.VSA_COMMAND_BLOCKING
            _convert.check(lib.vsa_server_register(server, command, error), error)
        return server

    def _run(self, server: Any) -> None:
        error = _convert.new_error()
        status = lib.vsa_server_run(server, error)
        if status != lib.VSA_OK:
            self._failure = _convert.error_from(status, error)
        if status == lib.VSA_ERR_TIMEOUT:
            # Freeing would wait for a call that does not return.
            ffi.gc(server, None)

    def stop(self) -> None:
        """Stops: no new connections, requests in flight are answered, and then it is over.

        Stopping twice, or what never started, is harmless. From within `process_request` it
        returns at once, and the server stops after that request.

        Raises:
            TransportError: requests were still in flight after the drain timeout (``timeout``), or
                the server had ended by itself.
        """
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        lib.vsa_server_stop(server)
        if getattr(_current, "request", None) is not None:
            return
        thread.join()
        with self._lock:
            self._server = self._thread = None
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def serve_forever(self) -> None:
        """Starts and serves until `stop` is called elsewhere, or Ctrl-C.

        Raises:
            As `start` and `stop`; KeyboardInterrupt after the server has stopped.
        """
        self.start()
        try:
            thread = self._thread
            if thread is not None:
                thread.join()
        finally:
            self.stop()

    def __enter__(self) -> "VsockAttestationServer":
        self.start()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()

    def _after_fork(self) -> None:
        # The threads are the parent's, and so is the socket's file, which freeing would remove.
        if self._server is not None:
            ffi.gc(self._server, None)
        self._lock = threading.Lock()
        self._server = self._thread = None


# --- called by the C server ---------------------------------------------------------------------


def _owner(user: Any) -> VsockAttestationServer:
    server: Optional[VsockAttestationServer] = ffi.from_handle(user)()
    if server is None:
        raise UsageError("the server has gone")
    return server


def _fail(error: Any, status: int, sentence: str) -> int:
    """Fills a `struct vsa_error`, whose text ends at a whole character; returns its status."""
    room = len(error.detail) - 1
    text = sentence.encode("utf-8", errors="replace")[:room]
    text = text.decode("utf-8", errors="ignore").replace("\0", " ").encode("utf-8")
    error.status = status
    error.offset = lib.VSA_NO_OFFSET
    error.rule = ffi.NULL
    ffi.memmove(error.detail, text + b"\0", len(text) + 1)
    return status


def _fail_with(error: Any, failure: BaseException, what: str) -> int:
    if isinstance(failure, AttestationError):
        return _fail(error, _status_of(failure.error_code), str(failure))
    _log.error("%s failed", what, exc_info=failure)
    return _fail(error, lib.VSA_ERR_INTERNAL, f"{what} failed")


def _status_of(code: object) -> int:
    """The status of an error, whatever the code: VSA_ERR_INTERNAL for unknown ones and for "ok"."""
    status = lib.VSA_ERR_INTERNAL
    if isinstance(code, str) and "\0" not in code:
        status = lib.vsa_status_from_code(code.encode("utf-8", errors="replace"))
    # Class 0 is success, which an error must never become.
    return int(status if lib.vsa_status_class(status) != 0 else lib.VSA_ERR_INTERNAL)


def _put_reply(result: object, reply: Any, error: Any) -> int:
    if not isinstance(result, dict):
        raise WrongTypeError(f"process_request() returned {type(result).__name__}, not a dict")
    members = {"success": True, **result}
    members.pop("id", None)  # the server adds the request's
    if members["success"] is False and set(members) == _ERROR_MEMBERS:
        status = _status_of(members["error_code"])
        if members["error_code"] == _convert.code_of(status):
            return _fail(error, status, str(members["error"]))
    value = _convert.to_json("the reply", members)
    if lib.json_object_clear(reply) != 0 or lib.json_object_update(reply, value) != 0:
        return _fail(error, lib.VSA_ERR_MEMORY, "out of memory")
    return int(lib.VSA_OK)


@ffi.def_extern(name="vsattest_on_request", error=lib.VSA_ERR_INTERNAL)  # type: ignore
def _on_request(context: Any, request: Any, reply: Any, error: Any) -> int:
    try:
        server = _owner(context.user)
        _current.request = _Request(server, context)
        try:
            result = server.process_request(_convert.from_json(request))
        finally:
            _current.request = None
    except BaseException as failure:
        return _fail_with(error, failure, "the command")
    try:
        return _put_reply(result, reply, error)
    except BaseException as failure:
        # Not the client's fault, whatever class it has.
        _log.error("the reply cannot be sent", exc_info=failure)
        return _fail(error, lib.VSA_ERR_INTERNAL, "the reply cannot be sent")


@ffi.def_extern(name="vsattest_on_key", error=lib.VSA_ERR_INTERNAL)  # type: ignore
def _on_key(user: Any, key: Any) -> int:
    try:
        pair = EphemeralKeyPair(
            _convert.bytes_of(key.private_key) or b"", _convert.bytes_of(key.public_key) or b""
        )
        _owner(user).on_key(
            pair,
            _convert.bytes_of(key.document) or b"",
            _convert.bytes_of(key.user_data),
            _convert.bytes_of(key.nonce),
        )
    except BaseException as failure:
        _log.error("on_key failed", exc_info=failure)
        return int(lib.VSA_ERR_INTERNAL)
    return int(lib.VSA_OK)


# --- all servers of this process ----------------------------------------------------------------

_servers: "weakref.WeakSet[VsockAttestationServer]" = weakref.WeakSet()


def _all() -> List[VsockAttestationServer]:
    return list(_servers)


def _stop_all() -> None:
    """C threads must not call into a Python that is being taken down."""
    for server in _all():
        try:
            server.stop()
        except AttestationError as error:
            _log.warning("stopping: %s", error)


def _after_fork() -> None:
    _current.request = None
    for server in _all():
        server._after_fork()


atexit.register(_stop_all)
os.register_at_fork(after_in_child=_after_fork)
