# SPDX-License-Identifier: Apache-2.0
"""Enough of CBOR (RFC 8949) to look into attestation documents, independently of the project's C code."""

BREAK = object()


def _argument(data, at, info):
    """(value or None if indefinite, position after it)"""
    if info < 24:
        return info, at
    if info == 31:
        return None, at
    size = {24: 1, 25: 2, 26: 4, 27: 8}[info]
    return int.from_bytes(data[at : at + size], "big"), at + size


def _item(data, at):
    major, info = data[at] >> 5, data[at] & 31
    value, at = _argument(data, at + 1, info)
    if major == 0:
        return value, at
    if major == 1:
        return -1 - value, at
    if major in (2, 3):
        end = at + value
        if end > len(data):
            raise ValueError("truncated CBOR")
        return (data[at:end] if major == 2 else data[at:end].decode()), end
    if major in (4, 5):
        items = []
        while value is None or len(items) < value * (major - 3):
            item, at = _item(data, at)
            if item is BREAK:
                break
            items.append(item)
        return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at
    if major == 7 and info == 31:
        return BREAK, at
    if major == 7 and info in (20, 21, 22):
        return {20: False, 21: True, 22: None}[info], at
    raise ValueError("CBOR major type %d, value %d" % (major, info))


def decode(data):
    """The one item that `data` consists of."""
    item, end = _item(data, 0)
    if end != len(data):
        raise ValueError("%d bytes after the end" % (len(data) - end))
    return item


def document(data):
    """(protected header, payload, signature) of an attestation document; nothing is verified."""
    protected, _, payload, signature = decode(data)
    return decode(protected), decode(payload), signature
