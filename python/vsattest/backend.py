# SPDX-License-Identifier: Apache-2.0
"""Applications behind a server, which answer commands in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Sequence

from vsattest import _convert
from vsattest._native import ffi, lib
from vsattest.errors import UsageError, WrongTypeError


@dataclass(frozen=True)
class Backend:
    """An application that listens on a Unix socket and speaks the server's JSON lines.

    It gets each request with a member ``"vsattest"``, which says whether it came sealed and from
    whom; its reply is the client's (PROTOCOL.md, "Backends").

    Args:
        path: of the socket: ``"/run/app.sock"`` or ``"unix:/run/app.sock"``. It need not listen
            yet: what it cannot answer is answered ``backend_unavailable``.
        commands: what it answers; None: every command that is no other's.
        connections: to it at once, 1 to 1024; further requests wait. 1 for an application that
            serves one connection after the other.
        sealed_only: others are answered ``sealed_required``; the server must have `seal`.
    """

    path: str
    commands: Optional[Sequence[str]] = None
    connections: int = 16
    sealed_only: bool = False

    def __post_init__(self) -> None:
        _convert.as_address("path", self._address())
        _convert.as_integer("connections", self.connections, 1, lib.VSA_MAX_BACKEND_CONNECTIONS)
        if not isinstance(self.sealed_only, bool):
            raise WrongTypeError(f"sealed_only must be bool, not {type(self.sealed_only).__name__}")
        if self.commands is None:
            return
        if isinstance(self.commands, (str, bytes)):
            raise WrongTypeError("commands must be a sequence of names, such as [\"sign\"]")
        for name in self.commands:
            # A comma would make two names of one.
            if not isinstance(name, str) or "," in name:
                raise UsageError(f"commands: {_convert.shown(name)} is no command's name")
        if not self.commands:
            raise UsageError("commands is empty: name some, or None for all that are no other's")

    def _address(self) -> str:
        path = _convert.as_c_text("path", self.path).decode("utf-8")
        return path if path.startswith("unix:") else "unix:" + path

    def _add_to(self, server: Any) -> None:
        names: Any = ffi.NULL
        if self.commands is not None:
            names = ffi.new("char[]", _convert.as_c_text("commands", ",".join(self.commands)))
        error = _convert.new_error()
        flags = lib.VSA_COMMAND_SEALED_ONLY if self.sealed_only else 0
        _convert.check(
            lib.vsa_server_add_backend(
                server, names, self._address().encode("utf-8"), self.connections, flags, error
            ),
            error,
        )
