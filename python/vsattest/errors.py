# SPDX-License-Identifier: Apache-2.0
"""What can go wrong: one exception for each class of errors of the C library."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Type


class AttestationError(Exception):
    """Something failed, and the reason is in it. Catch a subclass to tell the classes apart.

    Attributes:
        error_code: the stable snake_case name that the C programs print as ``error_code``, such
            as ``"nonce_mismatch"`` (``VSA_STATUS_TABLE`` in ``vsattest/base.h`` lists them all).
        error_class: ``"syntax"``, ``"format"``, ``"trust"``, ``"policy"``, ``"limit"``, ``"io"``,
            ``"usage"`` or ``"internal"``.
        offset: the byte of the input where it was noticed, counted from 0, or None.
        rule: the specification and section that the rule comes from, or None.

    ``str(error)`` is one sentence for people.
    """

    error_class = "internal"
    error_code: str
    offset: Optional[int]
    rule: Optional[str]

    def __init__(
        self,
        message: str,
        error_code: str = "internal_error",
        offset: Optional[int] = None,
        rule: Optional[str] = None,
    ) -> None:
        # All of it goes into `args`, so that errors survive pickle and copy.
        super().__init__(message, error_code, offset, rule)
        self.error_code = error_code
        self.offset = offset
        self.rule = rule

    def __str__(self) -> str:
        return str(self.args[0])


class MalformedError(AttestationError):
    """The bytes are not well-formed: base64, CBOR, JSON, DER."""

    error_class = "syntax"


class FormatError(AttestationError):
    """Well-formed, but not what the specification says."""

    error_class = "format"


class TrustError(AttestationError):
    """The certificate chain or the signature does not hold: forged, foreign or expired."""

    error_class = "trust"


class PolicyError(AttestationError):
    """Genuine, but not what was expected; or the enclave refused the request."""

    error_class = "policy"


class LimitError(AttestationError):
    """Too large, too many, or the enclave is too busy."""

    error_class = "limit"


class TransportError(AttestationError):
    """The enclave or the NSM could not be reached, or broke off.

    Attributes:
        enclaves: those that run, if there are several and none was named (``ambiguous_enclave``):
            ``"name"`` (str or None), ``"id"``, ``"cid"`` (int), ``"debug_mode"`` (bool) of each.
    """

    error_class = "io"
    enclaves: Sequence[Dict[str, Any]] = ()


class UsageError(AttestationError, ValueError):
    """The caller's arguments are wrong, or the object is closed."""

    error_class = "usage"

    def __init__(
        self,
        message: str,
        error_code: str = "invalid_argument",
        offset: Optional[int] = None,
        rule: Optional[str] = None,
    ) -> None:
        super().__init__(message, error_code, offset, rule)


class WrongTypeError(UsageError, TypeError):
    """An argument has a type that is never right there."""


class InternalError(AttestationError):
    """Out of memory, or a fault of the library."""

    error_class = "internal"


# By the numbers of `enum vsa_status_class`.
BY_CLASS: Dict[int, Type[AttestationError]] = {
    1: MalformedError,
    2: FormatError,
    3: TrustError,
    4: PolicyError,
    5: LimitError,
    6: TransportError,
    7: UsageError,
    8: InternalError,
}
