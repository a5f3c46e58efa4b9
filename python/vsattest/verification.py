# SPDX-License-Identifier: Apache-2.0
"""Verifying attestation documents."""

from __future__ import annotations

import binascii
import datetime
import time
import warnings
from typing import Any, Dict, Iterable, List, Literal, Mapping, Optional, TypedDict, Union, cast

from vsattest import _convert
from vsattest._native import ffi, lib
from vsattest.errors import UsageError, WrongTypeError
from vsattest.policy import (
    Measurements,
    PcrValue,
    Policy,
    PublicKey,
    Root,
    make_policy,
    read_roots,
    verifier_for,
)


class ImageSummary(TypedDict):
    """Which of the expected images a document is of: its file and place there, and its name.

    ``index`` is the place in the file's array, or in the list that was passed.
    """

    file: Optional[str]
    index: Optional[int]
    name: Optional[str]


class RootSummary(TypedDict):
    """The trust anchor: whether it is one of AWS's, its subject (RFC 2253), and the SHA-256 of its
    DER in hexadecimal.
    """

    aws: bool
    subject: str
    sha256: str


class CertificateSummary(TypedDict):
    """The enclave's certificate: subject and validity (RFC 3339)."""

    subject: str
    not_before: str
    not_after: str


class _Marks(TypedDict, total=False):
    at_document_time: bool


class Verification(_Marks):
    """What a document proves, now that it is verified.

    The members of the C programs' JSON (docs/PROTOCOL.md, "Verification result"), but
    ``public_key``, ``user_data`` and ``nonce`` are bytes, or None if the document has none, and
    ``pcrs`` maps indexes (int) to 48 bytes. Times are milliseconds since 1970 or RFC 3339.
    ``at_document_time`` is there, and True, only with ``at="document"``.
    """

    verification_status: str
    module_id: str
    digest: str
    timestamp: int
    document_time: str
    verified_at: str
    pcrs: Dict[int, bytes]
    pcrs_checked: List[int]
    measurements: Optional[ImageSummary]
    debug_mode: bool
    public_key: Optional[bytes]
    user_data: Optional[bytes]
    user_data_base64: Optional[str]
    nonce: Optional[bytes]
    nonce_base64: Optional[str]
    root: RootSummary
    certificate: CertificateSummary


def verification_of(claims: Any) -> Verification:
    """`claims`: struct vsa_claims, filled, with the document still there."""
    result = _convert.take_json(lib.vsa_claims_to_json(claims))
    result["pcrs"] = {int(n): binascii.unhexlify(value) for n, value in result["pcrs"].items()}
    result["public_key"] = _convert.bytes_of(claims.public_key)
    result["user_data"] = _convert.bytes_of(claims.user_data)
    result["nonce"] = _convert.bytes_of(claims.nonce)
    return cast(Verification, result)


# What to do about a warning, in this module's words; the C programs name their options here.
_ADVICE = {
    lib.VSA_WARNING_DEBUG_MODE: "; accepted only because of allow_debug=True",
    lib.VSA_WARNING_OTHER_ROOT: "; trusted only because of roots=[...]",
    lib.VSA_WARNING_NO_PCR: "; give measurements=... or pcrs={0: ...}, or any_enclave=True if "
                            "any enclave is meant",
    lib.VSA_WARNING_NO_IMAGE_PCR: "; give measurements=... or pcrs={0: ...}, or any_enclave=True "
                                  "if any enclave is meant",
}


def warnings_of(claims: Any, any_enclave: bool) -> int:
    """The set of warnings that apply to verified claims."""
    found = int(lib.vsa_claims_warnings(claims))
    if any_enclave:
        found &= lib.VSA_WARNING_DEBUG_MODE | lib.VSA_WARNING_OTHER_ROOT
    return found


def warn_of(claims: Any, any_enclave: bool) -> None:
    """Says, to the caller of our caller, what verified claims do not prove."""
    found = warnings_of(claims, any_enclave)
    for warning in (1 << bit for bit in range(found.bit_length())):
        if found & warning:
            text = _convert.text_of(lib.vsa_warning_text(warning)) or ""
            warnings.warn(text + _ADVICE.get(warning, ""), UserWarning, stacklevel=3)


def _milliseconds(now: Union[None, int, float, datetime.datetime]) -> int:
    if now is None:
        return time.time_ns() // 1000000
    if isinstance(now, datetime.datetime):
        if now.tzinfo is None:
            raise UsageError("now has no time zone: which moment is meant?")
        now = now.timestamp()
    if isinstance(now, bool) or not isinstance(now, (int, float)):
        raise WrongTypeError(f"now must be Unix seconds or a datetime, not {type(now).__name__}")
    if not 0 <= now < 253402300800:  # the year 10000; not true of NaN either
        raise UsageError(
            f"now must be seconds since 1970, up to the year 9999, not {_convert.shown(now)}"
        )
    return int(now * 1000)


def check_time_choice(now: Union[None, int, float, datetime.datetime], at: object) -> None:
    """Raises UsageError for two times, and for one that is none."""
    if at is None:
        _milliseconds(now)
    elif at != "document":
        raise UsageError(f'at must be "document" or None, not {_convert.shown(at)}; another time '
                         "is given by now=...")
    elif now is not None:
        raise UsageError('now and at="document" are two times: which one is meant?')


def time_of(document: Any, now: Union[None, int, float, datetime.datetime], at: object) -> int:
    """The time to verify at; the document's own is proved by its signature, later."""
    check_time_choice(now, at)
    if at is None:
        return _milliseconds(now)
    parsed = ffi.new("struct vsa_unverified_document *")
    error = _convert.new_error()
    _convert.check(lib.vsa_document_parse(document, parsed, error), error)
    return int(parsed.timestamp_ms)


def verify_attestation_document(
    b64_doc: _convert.TextOrBytes,
    expected_user_data: Optional[_convert.TextOrBytes] = None,
    expected_nonce: Optional[_convert.TextOrBytes] = None,
    max_age_seconds: float = 300,
    *,
    max_skew_seconds: float = 30,
    expected_public_key: Optional[PublicKey] = None,
    pcrs: Optional[Mapping[int, PcrValue]] = None,
    measurements: Optional[Measurements] = None,
    instance_id: Optional[str] = None,
    roots: Optional[Iterable[Root]] = None,
    allow_debug: bool = False,
    now: Union[None, int, float, datetime.datetime] = None,
    require_pcrs: bool = False,
    any_enclave: bool = False,
    at: Optional[Literal["document"]] = None,
) -> Verification:
    """Verifies one document: syntax, certificate chain, signature, and what is expected of it.

    Args:
        b64_doc: the document: raw CBOR, base64 or base64url (with or without padding and line
            breaks), hexadecimal, either of them in quotes, or a JSON object's text with the member
            ``attestation_document`` or ``attestation``; at most 1 MiB of input and 16512 bytes of
            document.
        expected_user_data: user data it must hold, at most 1024 bytes; text as UTF-8. None: not
            compared, as for all expectations below.
        expected_nonce: text or bytes, not empty. Without it an old document, replayed within
            `max_age_seconds`, is not noticed.
        max_age_seconds: the oldest document accepted.
        max_skew_seconds: how far its time may be ahead of ours.
        expected_public_key: the key it must hold, byte by byte, at most 1024 bytes; or the path of
            a file that holds it as DER or PEM.
        pcrs: expected PCRs: index (0 to 31) to 48 bytes or 96 hexadecimal digits.
        measurements: expected PCRs as nitro-cli prints them: JSON text, the parsed object, or the
            path of a file (str or ``pathlib.Path``); several, as an array in it or as a list, mean
            any one image (see `Policy`). Without `pcrs` and this nothing says which program runs in
            the enclave.
        instance_id: the parent instance it must come from.
        roots: root certificates to trust besides AWS's: PEM or DER, or paths (str or
            ``pathlib.Path``).
        allow_debug: accept enclaves in debug mode, whose PCRs prove nothing. Never in production.
        now: verify at this time (Unix seconds, or a datetime with a time zone) instead of now.
        require_pcrs: a UsageError unless a PCR of the image (0, 1, 2 or 8) is expected.
        any_enclave: whichever program runs in the enclave, that is meant: no UserWarning if
            nothing says which.
        at: ``"document"`` verifies at the document's own time, for archives: its age is then 0 and
            proves nothing, and the result says so.

    Returns:
        What the document proves; see `Verification`.

    Raises:
        MalformedError, FormatError, LimitError: it is no attestation document.
        TrustError: it is forged, expired, or of a root that is not trusted.
        PolicyError: it is genuine, but not what was expected.
        UsageError: an argument makes no sense; WrongTypeError if for its type.

    Warns:
        UserWarning: what the document does not prove, in the words of the C programs: mostly that
            no PCR was compared.
    """
    policy = make_policy(
        Policy(pcrs, measurements, instance_id, expected_public_key, max_age_seconds,
               max_skew_seconds, allow_debug, require_pcrs, any_enclave),
        _convert.as_field("expected_user_data", expected_user_data),
        _convert.as_field("expected_nonce", expected_nonce, may_be_empty=False),
    )
    if at is None:
        _milliseconds(now)
    verifier = verifier_for(read_roots(roots))
    document, keep = _convert.decode_document(b64_doc)
    now_ms = time_of(document, now, at)
    claims = ffi.new("struct vsa_claims *")
    error = _convert.new_error()
    status = lib.vsa_verify(verifier, document, policy.pointer, now_ms, claims, error)
    _convert.check(status, error)
    result = verification_of(claims)
    if at is not None:
        result["at_document_time"] = True
    warn_of(claims, policy.any_enclave)
    del keep  # what the claims borrow from
    return result
