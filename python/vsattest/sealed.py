# SPDX-License-Identifier: Apache-2.0
"""Requests that only a verified enclave can read: `VsockAttestationClient.seal` makes them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from vsattest import _convert
from vsattest._native import ffi, lib
from vsattest.errors import UsageError, WrongTypeError
from vsattest.policy import CPolicy

if TYPE_CHECKING:
    from vsattest.client import VsockAttestationClient

MAX_AAD: int = lib.VSA_SEAL_MAX_AAD


def make_sender(sign_key: object) -> Any:
    """A `struct vsa_sender`, or NULL without a key."""
    if sign_key is None:
        return ffi.NULL
    keep: List[Any] = []
    content = _convert.as_content("sign_key", sign_key)
    holder = ffi.new("struct vsa_sender **")
    error = _convert.new_error()
    status = lib.vsa_sender_new(_convert.slice_of(content, keep), holder, error)
    _convert.check(status, error)
    return ffi.gc(holder[0], lib.vsa_sender_free)


def _strict(policy: CPolicy) -> Any:
    """The policy with PCRs required: a secret is for a program, not for any enclave."""
    made = ffi.new("struct vsa_policy *", policy.pointer[0])
    made.require_pcrs = not policy.any_enclave
    return made


class SealedEnclave:
    """An enclave whose document verified; only it can read what is sent here.

    `VsockAttestationClient.seal` makes it, from a verified document and from nothing else. It may
    be shared between threads. It is for the process that made it, and until its client is closed.
    """

    def __init__(self, client: "VsockAttestationClient", native: Any, verifier: Any,
                 policy: CPolicy, sender: Any) -> None:
        self._client = client
        self._process = os.getpid()
        self._sender = sender
        # Borrowed by the C object, whose end does not touch them.
        self._borrowed = (native, verifier, policy, _strict(policy), sender)
        holder = ffi.new("struct vsa_sealed_enclave **")
        error = _convert.new_error()
        status = lib.vsa_client_seal(
            native, verifier, self._borrowed[3], ffi.addressof(lib, "wall_clock_ms"), ffi.NULL,
            sender, holder, error,
        )
        _convert.check(status, error)
        self._native = ffi.gc(holder[0], lib.vsa_sealed_enclave_free)

    @property
    def thumbprint(self) -> Optional[str]:
        """What the enclave knows the sender by, if requests are signed: SHA-384 of the key."""
        if self._sender == ffi.NULL:
            return None
        return _convert.text_of(lib.vsa_sender_thumbprint(self._sender))

    def send_request(
        self, request: Dict[str, Any], aad: Optional[_convert.TextOrBytes] = None
    ) -> Dict[str, Any]:
        """Seals a request, sends it once, and opens the reply.

        The enclave's key is replaced before it expires, by a document that is verified as the first
        one was. Once sent, a request is never sent again, whatever the client's ``retries``.

        Args:
            request: as of `VsockAttestationClient.send_request`, at most 47872 bytes as JSON.
            aad: associated data, at most 256 bytes: the enclave gets it unchanged, and the parent
                can read it.

        Returns:
            The enclave's reply, whose ``"success"`` is true: authentic, and readable for this client only.

        Raises:
            TransportError: ``outcome_unknown``: the request was sent and perhaps carried out, but
                no authentic reply came; others: it was not sent.
            PolicyError: the enclave refused; or a new key's document does not verify.
            LimitError: the request or `aad` is too long, or the enclave is busy.
            UsageError: the client is closed, or belongs to another process.
            Others as `VsockAttestationClient.send_request`.
        """
        if not isinstance(request, dict):
            raise WrongTypeError(f"a request is a dict, not {type(request).__name__}")
        keep: List[Any] = []
        data = None if aad is None else _convert.as_bytes("aad", aad)
        sent = _convert.to_json("the request", request)
        if os.getpid() != self._process:
            raise UsageError("this enclave was sealed to in another process: call seal() again")
        self._client._check_open()
        reply = ffi.new("json_t **")
        error = _convert.new_error()
        status = lib.vsa_sealed_request(
            self._native, sent, _convert.slice_of(data, keep), reply, error
        )
        _convert.check(status, error)
        return _convert.take_json(reply[0])


__all__ = ["SealedEnclave", "make_sender"]
