# SPDX-License-Identifier: Apache-2.0
"""What a relying party expects of a document, and whom it trusts."""

from __future__ import annotations

import binascii
import json
import os
import threading
from collections import OrderedDict
from typing import Any, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from vsattest import _convert
from vsattest._native import ffi, lib
from vsattest.errors import UsageError, WrongTypeError

#: 48 bytes, or 96 hexadecimal digits.
PcrValue = Union[str, bytes, bytearray, memoryview]
#: The JSON that nitro-cli prints: text, the parsed object, or the path of a file; or an array of
#: such objects, one for each image.
Measurement = Union[str, bytes, Mapping[str, Any], "os.PathLike[str]"]
#: One of these, or several: then any one image.
Measurements = Union[Measurement, Sequence[Measurement]]
#: One certificate, PEM or DER, or the path of a file.
Root = Union[str, bytes, "os.PathLike[str]"]
#: What a document must hold byte by byte, or the path of a file with that as DER or PEM.
PublicKey = Union[_convert.TextOrBytes, "os.PathLike[str]"]


class Policy(NamedTuple):
    """What documents must be, besides holding the nonce and user data of the moment.

    Attributes:
        pcrs: expected PCR values by index, 0 to 31: 48 bytes or 96 hexadecimal digits. Zeros are
            refused, since that is what debug mode shows.
        measurements: expected PCRs as ``nitro-cli build-enclave`` or ``describe-eif`` prints them
            (JSON text, the parsed object, or a file's path, str or ``pathlib.Path``), at most 1 MiB.
            An array of such objects, or a list of any of these: the document must match one image in
            all its PCRs; 1024 images at most. With `pcrs` too both must hold.
        instance_id: the parent instance, ``"i-0123456789abcdef0"``: checks module ID and PCR4.
        public_key: the document's public key, byte by byte, at most 1024 bytes; or the path of a
            file that holds it as DER or PEM.
        max_age_seconds: the oldest document accepted.
        max_skew_seconds: how far its time may be ahead of ours.
        allow_debug: accept enclaves in debug mode, whose PCRs prove nothing. Never in production.
        require_pcrs: a UsageError (a ValueError) unless `pcrs` or `measurements` expect a PCR of
            the image (0, 1, 2 or 8), so that an expectation that got lost on its way here does not
            pass silently.
        any_enclave: whichever program runs in the enclave, that is meant: no UserWarning.

    Without PCRs or measurements nothing says *which* program runs in the enclave: each
    verification then makes a UserWarning, unless `any_enclave` is set.
    """

    pcrs: Optional[Mapping[int, PcrValue]] = None
    measurements: Optional[Measurements] = None
    instance_id: Optional[str] = None
    public_key: Optional[PublicKey] = None
    max_age_seconds: float = 300
    max_skew_seconds: float = 30
    allow_debug: bool = False
    require_pcrs: bool = False
    any_enclave: bool = False


class CPolicy(NamedTuple):
    """A `struct vsa_policy`, what it borrows from, and whether any enclave is meant."""

    pointer: Any
    keep: List[Any]
    any_enclave: bool


def _pcr_bytes(index: int, value: object) -> bytes:
    form = f"PCR{index} must be 96 hexadecimal digits or {lib.VSA_PCR_SIZE} bytes"
    if isinstance(value, str):
        given = f"{len(value)} characters"
        try:
            content = binascii.unhexlify(value)
        except ValueError:
            raise UsageError(f"{form}, not {_convert.shown(value)}", "policy_pcr_invalid") from None
    else:
        content = _convert.as_bytes(f"PCR{index}", value)
        given = f"{len(content)} bytes"
    if len(content) != lib.VSA_PCR_SIZE:
        raise UsageError(f"{form}, not {given}", "policy_pcr_invalid")
    return content


def _expect_pcrs(policy: Any, pcrs: object) -> None:
    if not isinstance(pcrs, Mapping):
        raise WrongTypeError("pcrs must map indexes to values, such as {0: '00ab...'}")
    for index, value in pcrs.items():
        number = _convert.as_integer("a PCR's index", index, 0, lib.VSA_PCR_COUNT - 1)
        keep: List[Any] = []
        slice_ = _convert.slice_of(_pcr_bytes(number, value), keep)
        error = _convert.new_error()
        _convert.check(lib.vsa_policy_expect_pcr(policy, number, slice_, error), error)


def _measurements_content(value: object) -> Tuple[bytes, Optional[bytes]]:
    """One member of `measurements` as JSON text, and the file it is from."""
    if isinstance(value, (Mapping, list, tuple)):
        try:
            value = json.dumps(value)
        except (TypeError, ValueError, RecursionError) as reason:
            raise UsageError(f"measurements cannot be written as JSON: {reason}") from None
    return _convert.as_content("measurements", value), _convert.path_of(value)


def _expect_measurements(policy: Any, measurements: object, keep: List[Any]) -> None:
    """Any one image of `measurements`, which are all in `keep` then."""
    several = isinstance(measurements, (list, tuple))
    members: Iterable[Any] = measurements if several else [measurements]  # type: ignore[assignment]
    read = ffi.gc(ffi.new("struct vsa_measurements_list *"), lib.vsa_measurements_free)
    keep.append(read)
    for place, member in enumerate(members):
        content, path = _measurements_content(member)
        file = ffi.NULL if path is None else ffi.new("char[]", path)
        keep.append(file)
        error = _convert.new_error()
        before = read.count
        slice_ = _convert.slice_of(content, keep)
        _convert.check(lib.vsa_measurements_read(read, slice_, file, error), error)
        # What stands in the list itself is known by its place there.
        if several and path is None and read.images[before].index == lib.VSA_NO_INDEX:
            read.images[before].index = place
    if not read.count:
        raise UsageError("measurements is an empty list, which matches nothing: name the images, "
                         "or pass None and any_enclave=True", "policy_empty")
    policy.measurements = read.images
    policy.measurement_count = read.count


def _instance_bytes(instance_id: object) -> bytes:
    instance = _convert.as_bytes("instance_id", instance_id)
    if not instance.startswith(b"i-") or len(instance) < 3:
        raise UsageError("instance_id must be an EC2 instance ID (i-0123456789abcdef0)")
    return instance


def make_policy(
    policy: Policy, user_data: Optional[bytes] = None, nonce: Optional[bytes] = None
) -> CPolicy:
    """Raises UsageError for whatever makes no sense."""
    if not isinstance(policy, Policy):
        raise WrongTypeError(f"policy must be a vsattest.Policy, not {type(policy).__name__}")
    any_enclave = _convert.as_flag("any_enclave", policy.any_enclave)
    require_pcrs = _convert.as_flag("require_pcrs", policy.require_pcrs)
    if require_pcrs and any_enclave:
        raise UsageError("require_pcrs and any_enclave contradict each other")
    made = ffi.new("struct vsa_policy *")
    keep: List[Any] = []
    lib.vsa_policy_init(made)
    made.max_age_ms = _convert.as_milliseconds("max_age_seconds", policy.max_age_seconds)
    made.max_skew_ms = _convert.as_milliseconds("max_skew_seconds", policy.max_skew_seconds)
    made.allow_debug = _convert.as_flag("allow_debug", policy.allow_debug)
    made.require_pcrs = require_pcrs
    made.user_data = _convert.slice_of(user_data, keep)
    made.nonce = _convert.slice_of(nonce, keep)
    made.public_key = _convert.slice_of(_convert.as_public_key(policy.public_key), keep)
    if policy.instance_id is not None:
        made.instance = _convert.slice_of(_instance_bytes(policy.instance_id), keep)
    if policy.pcrs is not None:
        _expect_pcrs(made, policy.pcrs)
    if policy.measurements is not None:
        _expect_measurements(made, policy.measurements, keep)
    error = _convert.new_error()
    _convert.check(lib.vsa_policy_check(made, error), error)
    return CPolicy(made, keep, any_enclave)


# --- trust anchors ------------------------------------------------------------------------------

Roots = Tuple[bytes, ...]

# A verifier remembers the certificates it has checked, so they are kept, one for each set of
# roots. In a child of fork() its locks may be held by threads that are not there: hence the pid.
_MAX_VERIFIERS = 16
_verifiers: "OrderedDict[Tuple[int, Roots], Any]" = OrderedDict()
_verifiers_lock = threading.Lock()


def _after_fork() -> None:
    global _verifiers_lock
    _verifiers_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def read_roots(roots: Optional[Iterable[Root]]) -> Roots:
    """The certificates' bytes, each PEM or DER."""
    if roots is None:
        return ()
    if isinstance(roots, (str, bytes, os.PathLike)):
        raise WrongTypeError("roots must be a sequence of certificates: roots=[...]")
    try:
        members = list(roots)
    except TypeError:
        raise WrongTypeError("roots must be a sequence of certificates: roots=[...]") from None
    return tuple(_convert.as_content("a root certificate", root) for root in members)


def _new_verifier(roots: Roots) -> Any:
    verifier = _convert.own(lib.vsa_verifier_new(), lib.vsa_verifier_free)
    error = _convert.new_error()
    # Memory is taken only as enclaves are met.
    _convert.check(lib.vsa_verifier_set_cache_size(verifier, lib.VSA_MAX_CACHED_CERTIFICATES, error),
                   error)
    _convert.check(lib.vsa_verifier_add_aws_roots(verifier, error), error)
    for root in roots:
        keep: List[Any] = []
        slice_ = _convert.slice_of(root, keep)
        _convert.check(lib.vsa_verifier_add_root(verifier, slice_, error), error)
    return verifier


def verifier_for(roots: Roots) -> Any:
    """A verifier that trusts AWS's roots and these; safe to share between threads."""
    key = (os.getpid(), roots)
    with _verifiers_lock:
        verifier = _verifiers.get(key)
        if verifier is not None:
            _verifiers.move_to_end(key)
            return verifier
    verifier = _new_verifier(roots)
    with _verifiers_lock:
        _verifiers[key] = verifier
        while len(_verifiers) > _MAX_VERIFIERS:
            _verifiers.popitem(last=False)
    return verifier


__all__ = ["CPolicy", "Measurements", "PcrValue", "Policy", "PublicKey", "Root", "Roots",
           "make_policy", "read_roots", "verifier_for"]
