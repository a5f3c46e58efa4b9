# SPDX-License-Identifier: Apache-2.0
"""Verifying many saved documents, in order, with all cores."""

from __future__ import annotations

import collections
import concurrent.futures
import datetime
import itertools
import os
import time
import warnings
from typing import (
    Any,
    Deque,
    Iterable,
    Iterator,
    List,
    Literal,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from vsattest import _convert
from vsattest._native import ffi, lib
from vsattest.errors import AttestationError, WrongTypeError
from vsattest.policy import CPolicy, Policy, Root, make_policy, read_roots, verifier_for
from vsattest.verification import (
    Verification,
    check_time_choice,
    time_of,
    verification_of,
    warnings_of,
)

_CHUNK = 64

Time = Union[None, int, float, datetime.datetime]


class SavedDocument(NamedTuple):
    """A document, and what it is expected to hold besides what the policy says.

    Attributes:
        document: as for `verify_attestation_document`.
        nonce: the nonce it must hold, not empty; text as UTF-8. None: not compared.
        user_data: the user data it must hold. None: not compared.
        now: the time to verify it at. None: that of all.
    """

    document: _convert.TextOrBytes
    nonce: Optional[_convert.TextOrBytes] = None
    user_data: Optional[_convert.TextOrBytes] = None
    now: Time = None


class _Plan(NamedTuple):
    policy: CPolicy
    verifier: Any
    now: Time
    at: Optional[Literal["document"]]


Result = Union[Verification, AttestationError]
_Found = Tuple[Result, int]  # and the warnings that apply


class _Batch:
    """Up to `_CHUNK` jobs of one call, and what they borrow from."""

    def __init__(self, count: int) -> None:
        self.jobs = ffi.new("struct vsa_verify_job[]", count)
        self.policies = ffi.new("struct vsa_policy[]", count)
        self.claims = ffi.new("struct vsa_claims[]", count)
        self.errors = ffi.new("struct vsa_error[]", count)
        self.keep: List[Any] = []
        self.count = 0

    def add(self, plan: _Plan, saved: SavedDocument) -> int:
        """The place of a job for this document. Raises AttestationError for what is no document."""
        nonce = _convert.as_field("nonce", saved.nonce, may_be_empty=False)
        user_data = _convert.as_field("user_data", saved.user_data)
        document, keep = _convert.decode_document(saved.document)
        # What names a time of its own is verified at that.
        own = saved.now is not None
        now_ms = time_of(document, saved.now if own else plan.now, None if own else plan.at)
        place = self.count
        policy = ffi.addressof(self.policies, place)
        ffi.memmove(policy, plan.policy.pointer, ffi.sizeof("struct vsa_policy"))
        if nonce is not None:
            policy.nonce = _convert.slice_of(nonce, self.keep)
        if user_data is not None:
            policy.user_data = _convert.slice_of(user_data, self.keep)
        job = ffi.addressof(self.jobs, place)
        lib.vsa_verify_job_init(job)
        job.document = document
        job.policy = policy
        job.now_ms = now_ms
        job.claims = ffi.addressof(self.claims, place)
        job.error = ffi.addressof(self.errors, place)
        self.keep.append(keep)
        self.count += 1
        return place

    def result(self, place: int, plan: _Plan, saved: SavedDocument) -> _Found:
        job = self.jobs[place]
        if job.status != lib.VSA_OK:
            return _as_result(_convert.error_from(job.status, job.error)), 0
        result = verification_of(job.claims)
        if plan.at is not None and saved.now is None:
            result["at_document_time"] = True
        return result, warnings_of(job.claims, plan.policy.any_enclave)


def _as_result(error: Exception) -> AttestationError:
    if not isinstance(error, AttestationError):
        raise error
    return error


def _as_saved(item: object) -> SavedDocument:
    if isinstance(item, SavedDocument):
        return item
    if isinstance(item, (str, bytes, bytearray, memoryview)):
        return SavedDocument(item)
    raise WrongTypeError(
        f"a document must be str, bytes or a SavedDocument, not {type(item).__name__}")


def _verify_chunk(plan: _Plan, items: Sequence[object]) -> List[_Found]:
    batch = _Batch(len(items))
    places: List[Union[Tuple[int, SavedDocument], AttestationError]] = []
    for item in items:
        try:
            saved = _as_saved(item)
            places.append((batch.add(plan, saved), saved))
        except AttestationError as error:
            places.append(error)
    # Without the GIL. Each job has its own status.
    lib.vsa_verify_batch(plan.verifier, batch.jobs, batch.count)
    return [
        (place, 0) if isinstance(place, AttestationError) else batch.result(place[0], plan, place[1])
        for place in places
    ]


class _Warner:
    """Says once in a run what verified documents do not prove."""

    def __init__(self) -> None:
        self.done = 0

    def warn(self, found: int) -> None:
        for bit in range(found.bit_length()):
            warning = 1 << bit
            if found & warning & ~self.done:
                text = _convert.text_of(lib.vsa_warning_text(warning)) or ""
                warnings.warn(text, UserWarning, stacklevel=4)
        self.done |= found


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def verify_many(
    documents: Iterable[Union[_convert.TextOrBytes, SavedDocument]],
    policy: Policy = Policy(),
    *,
    roots: Optional[Iterable[Root]] = None,
    now: Time = None,
    at: Optional[Literal["document"]] = None,
    jobs: Optional[int] = None,
) -> Iterator[Result]:
    """Verifies documents one after the other, in batches and with several threads.

    Reads `documents` as results are taken, a bounded number ahead, so that memory does not depend
    on how many there are.

    Args:
        documents: each in any form that `verify_attestation_document` takes, or a `SavedDocument`,
            which also says what it must hold.
        policy: what each must be.
        roots: root certificates to trust besides AWS's.
        now: the time to verify at (Unix seconds, or a datetime with a time zone); None: the time of
            the call.
        at: ``"document"`` verifies each at its own time; its age is then 0 and proves nothing, and
            the result says so.
        jobs: threads; None: one for each core. They work without the GIL.

    Returns:
        An iterator over one result for each document, in order: a `Verification`, or the
        `AttestationError` (returned, not raised) that `verify_attestation_document` would raise.

    Raises:
        UsageError: an argument makes no sense; WrongTypeError if for its type.

    Warns:
        UserWarning: what the documents do not prove, once for all of them.
    """
    made = make_policy(policy)
    if jobs is None:
        jobs = _cores()
    _convert.as_integer("jobs", jobs, 1, 1024)
    check_time_choice(now, at)
    if at is None and now is None:
        now = time.time()  # one for all
    plan = _Plan(made, verifier_for(read_roots(roots)), now, at)
    return _results(plan, iter(documents), jobs)


def _results(plan: _Plan, documents: Iterator[object], jobs: int) -> Iterator[Result]:
    warner = _Warner()
    waiting: "Deque[concurrent.futures.Future[List[_Found]]]" = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(jobs, "vsattest") as pool:
        try:
            while True:
                chunk = list(itertools.islice(documents, _CHUNK))
                if chunk:
                    waiting.append(pool.submit(_verify_chunk, plan, chunk))
                # Twice as many chunks as threads: each finds one when it is done with another.
                while waiting and (not chunk or len(waiting) >= 2 * jobs):
                    for result, found in waiting.popleft().result():
                        warner.warn(found)
                        yield result
                if not chunk:
                    return
        finally:
            for future in waiting:
                future.cancel()


__all__ = ["Result", "SavedDocument", "verify_many"]
