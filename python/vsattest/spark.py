# SPDX-License-Identifier: Apache-2.0
"""Verifying the documents of a Spark DataFrame: columns in, verdict columns out.

Needs pyspark, pandas and pyarrow, which are not installed with this package.
"""

from __future__ import annotations

import datetime
from typing import Any, Dict, Iterable, Iterator, List, Literal, Optional, Union

from vsattest import _convert
from vsattest.errors import AttestationError, UsageError
from vsattest.many import SavedDocument, verify_many
from vsattest.policy import Policy, Root, make_policy, read_roots
from vsattest.verification import Verification, check_time_choice

#: The columns that are added, with their types in Spark's SQL.
VERDICT_COLUMNS = {
    "verified": "boolean",
    "error_code": "string",
    "error": "string",
    "module_id": "string",
    "document_time_ms": "bigint",
    "verified_at": "string",
    "at_document_time": "boolean",
    "pcrs": "map<int,binary>",
    "debug_mode": "boolean",
    "public_key": "binary",
    "user_data": "binary",
    "nonce": "binary",
    "root_sha256": "string",
}


def _verdict(result: Union[Verification, AttestationError]) -> Dict[str, Any]:
    if isinstance(result, AttestationError):
        return {"verified": False, "error_code": result.error_code, "error": str(result)}
    return {
        "verified": True,
        "module_id": result["module_id"],
        "document_time_ms": result["timestamp"],
        "verified_at": result["verified_at"],
        "at_document_time": result.get("at_document_time", False),
        "pcrs": dict(result["pcrs"]),
        "debug_mode": result["debug_mode"],
        "public_key": result["public_key"],
        "user_data": result["user_data"],
        "nonce": result["nonce"],
        "root_sha256": result["root"]["sha256"],
    }


def _present(value: Any) -> Any:
    """None for what pandas has in place of null, NaN. Another number is no field, and refused."""
    return None if value is None or value != value else value


def _fixed(policy: Policy) -> Policy:
    """The policy with the contents of files: the executors need not have them."""
    make_policy(policy)
    measurements: Any = policy.measurements
    if measurements is not None:
        members = measurements if isinstance(measurements, (list, tuple)) else [measurements]
        members = [member if isinstance(member, dict) else _convert.as_content("measurements", member)
                   for member in members]
        measurements = members if isinstance(policy.measurements, (list, tuple)) else members[0]
    return policy._replace(measurements=measurements,
                           public_key=_convert.as_public_key(policy.public_key))


def verify_documents(
    frame: Any,
    policy: Policy = Policy(),
    *,
    document: str = "document",
    nonce: Optional[str] = None,
    user_data: Optional[str] = None,
    roots: Optional[Iterable[Root]] = None,
    now: Union[None, int, float, datetime.datetime] = None,
    at: Optional[Literal["document"]] = None,
    jobs: int = 1,
) -> Any:
    """Adds verdict columns (`VERDICT_COLUMNS`) to a DataFrame of documents.

    Args:
        frame: a pyspark DataFrame; its columns stay as they are.
        policy: what each document must be. Files that it names are read here, not on executors.
        document: the column with documents: binary or text in any form that
            `verify_attestation_document` takes. Null is a document that does not verify.
        nonce, user_data: columns with what each must hold, text or binary. A row where it is null
            (after a left join, say) does not verify. None: no such column.
        roots, now, at: as for `verify_many`. "Now" is the time of this call, for all.
        jobs: threads of each task; Spark runs a task on each core already.

    Returns:
        A DataFrame, as lazy as `frame`.

    Raises:
        UsageError: an argument makes no sense, or the frame has no such column, or one that would
            be added.
    """
    check_time_choice(now, at)
    if now is None and at is None:
        now = datetime.datetime.now(datetime.timezone.utc)
    columns: List[str] = list(frame.columns)
    for name in (document, nonce, user_data):
        if name is None:
            continue
        if name not in columns:
            raise UsageError(f"the frame has no column {_convert.shown(name)}")
        # A number would otherwise be found out row by row, or pass for null.
        kind = frame.schema[name].dataType.typeName()
        if kind not in ("string", "binary"):
            raise UsageError(f"column {_convert.shown(name)} is of type {kind}; cast it to string or binary")
    for name in VERDICT_COLUMNS:
        if name in columns:
            raise UsageError(f"the frame has a column {name!r}, which would be added: rename it")
    fixed, anchors = _fixed(policy), read_roots(roots)

    compared = [(field, column) for field, column in (("nonce", nonce), ("user_data", user_data)) if column]

    def saved(rows: Any) -> Iterator[SavedDocument]:
        for values in zip(rows[document], *(rows[column] for _, column in compared)):
            content, *expected = map(_present, values)
            yield SavedDocument("" if content is None else content,
                                **{field: value for (field, _), value in zip(compared, expected)})

    def refuse_nulls(rows: Any, verdicts: List[Dict[str, Any]]) -> None:
        for field, column in compared:
            for index, value in enumerate(rows[column]):
                if _present(value) is None and verdicts[index]["verified"]:
                    verdicts[index] = {
                        "verified": False, "error_code": f"{field}_mismatch",
                        "error": f"column {_convert.shown(column)} is null: nothing to compare with"}

    def verify(batches: Iterator[Any]) -> Iterator[Any]:
        import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]

        for rows in batches:
            verdicts = [_verdict(result) for result in verify_many(
                saved(rows), fixed, roots=anchors, now=now, at=at, jobs=jobs)]
            refuse_nulls(rows, verdicts)
            added = pandas.DataFrame(
                {name: pandas.Series([verdict.get(name) for verdict in verdicts], dtype=object)
                 for name in VERDICT_COLUMNS})
            yield pandas.concat([rows.reset_index(drop=True), added], axis=1)

    schema = frame.schema
    for name, kind in VERDICT_COLUMNS.items():
        schema = _added(schema, name, kind)
    return frame.mapInPandas(verify, schema)


def _added(schema: Any, name: str, kind: str) -> Any:
    from pyspark.sql import types  # type: ignore[import-not-found,unused-ignore]

    parsed: Any = types._parse_datatype_string(f"`{name}` {kind}")
    return types.StructType([*schema.fields, *parsed.fields])


__all__ = ["VERDICT_COLUMNS", "verify_documents"]
