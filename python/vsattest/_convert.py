# SPDX-License-Identifier: Apache-2.0
"""Between Python's values and C's: bytes, slices, JSON, times, errors."""

from __future__ import annotations

import base64
import json
import math
import os
from typing import Any, Dict, List, Optional, Tuple, Union

from vsattest._native import ffi, lib
from vsattest.errors import BY_CLASS, InternalError, LimitError, UsageError, WrongTypeError

#: Text is taken as its UTF-8 bytes.
TextOrBytes = Union[str, bytes, bytearray, memoryview]

MAX_FIELD: int = lib.VSA_MAX_FIELD
MAX_INPUT: int = lib.VSA_MAX_INPUT_FILE
# A hundred years, as for the C programs' options: longer than any root lives.
MAX_SECONDS = 3153600000
_SENTENCE = 1024


# --- errors -------------------------------------------------------------------------------------


def new_error() -> Any:
    return ffi.new("struct vsa_error *")


def text_of(pointer: Any) -> Optional[str]:
    if pointer == ffi.NULL:
        return None
    raw: bytes = ffi.string(pointer)
    # A sentence may be cut off in the middle of a character.
    return raw.decode("utf-8", errors="replace")


def code_of(status: int) -> str:
    return text_of(lib.vsa_status_code(status)) or "internal_error"


def error_from(status: int, error: Any) -> Exception:
    """The exception for a failed call."""
    buffer = ffi.new("char[]", _SENTENCE)
    sentence = text_of(lib.vsa_error_sentence(error, buffer, _SENTENCE)) or code_of(status)
    offset = None if error.offset == lib.VSA_NO_OFFSET else int(error.offset)
    kind = BY_CLASS.get(lib.vsa_status_class(status), InternalError)
    return kind(sentence, code_of(status), offset, text_of(error.rule))


def check(status: int, error: Any) -> None:
    """Raises for every status but VSA_OK."""
    if status != lib.VSA_OK:
        raise error_from(status, error)


def own(pointer: Any, free: Any) -> Any:
    """The object with its destructor; raises when memory was short."""
    if pointer == ffi.NULL:
        raise InternalError("out of memory", "out_of_memory")
    return ffi.gc(pointer, free)


# --- bytes --------------------------------------------------------------------------------------


def as_bytes(name: str, value: object) -> bytes:
    """Returns a copy that no other thread can change during the call."""
    if isinstance(value, str):
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError:
            raise UsageError(f"{name} is not valid Unicode text; pass bytes") from None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    of_file = ": give its content, read_bytes()" if isinstance(value, os.PathLike) else ""
    raise WrongTypeError(f"{name} must be str or bytes, not {type(value).__name__}{of_file}")


def as_field(name: str, value: object, may_be_empty: bool = True) -> Optional[bytes]:
    """user_data, nonce or public_key of a document; None: there is none."""
    if value is None:
        return None
    field = as_bytes(name, value)
    if len(field) > MAX_FIELD:
        raise UsageError(f"{name} has {len(field)} bytes; documents hold {MAX_FIELD} at most")
    if not field and not may_be_empty:
        raise UsageError(f"{name} is empty, which proves nothing; pass None or a value")
    return field


def as_public_key(value: object) -> Optional[bytes]:
    """A document's public key: bytes, text, or the file that a path, or a str that is one, names.

    A file may hold DER or PEM, as for the C programs; text is compared as it is, PEM or not.
    """
    name = "public_key"
    if isinstance(value, str) and value and not _is_content(value) and os.path.isfile(value):
        value = _key_file(_read(name, value))
    elif isinstance(value, os.PathLike) or (
        isinstance(value, str) and value.endswith((".pem", ".der", ".pub"))
    ):
        value = _key_file(_read(name, value))
    return as_field(name, value, may_be_empty=False)


def _key_file(content: bytes) -> bytes:
    begin, end = b"-----BEGIN PUBLIC KEY-----", b"-----END PUBLIC KEY-----"
    if content.startswith(b"-----BEGIN ") and not content.startswith(begin):
        raise UsageError("public_key: the file is PEM, but not of a PUBLIC KEY; openssl pkey -pubout "
                         "makes one of a private key, openssl x509 -pubkey of a certificate")
    if not content.startswith(begin):
        return content
    body = content[len(begin):].strip()
    try:
        if not body.endswith(end):
            raise ValueError("its last line is another")
        return base64.b64decode(b"".join(body[:-len(end)].split()), validate=True)
    except ValueError as error:
        raise UsageError(f"public_key: the file is no PEM text: {error}") from None


def slice_of(value: Optional[bytes], keep: List[Any]) -> Any:
    """A borrowed slice; what it borrows from stays in `keep`."""
    if value is None:
        return (ffi.NULL, 0)
    buffer = ffi.from_buffer("uint8_t[]", value)
    keep.append(buffer)
    # The slice of an empty value must not be NULL: that would be no value at all.
    pointer = ffi.cast("const uint8_t *", buffer)
    return (pointer, len(value))


def bytes_of(value: Any) -> Optional[bytes]:
    """A copy of a slice's bytes; None if it is absent."""
    if value.data == ffi.NULL:
        return None
    return bytes(ffi.buffer(value.data, value.size))


def _is_content(text: str) -> bool:
    """PEM or JSON, of which no file's name has the look."""
    return "\n" in text or text.lstrip().startswith(("-----BEGIN", "{", "["))


def _read(name: str, path: "Union[str, os.PathLike[str]]") -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_INPUT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{name}: cannot read the file {shown(os.fspath(path))}: {reason}; "
            "give the content itself, or the file's path as str or pathlib.Path"
        ) from error


def _names_file(value: object) -> bool:
    return isinstance(value, os.PathLike) or (isinstance(value, str) and not _is_content(value))


def path_of(value: object) -> Optional[bytes]:
    """The file that as_content() reads, if it is one."""
    return os.fsencode(value) if _names_file(value) else None  # type: ignore[arg-type]


def as_content(name: str, value: object) -> bytes:
    """bytes, PEM and JSON as they are, or the content of the file that a str or path names."""
    if isinstance(value, (str, os.PathLike)) and _names_file(value):
        content = _read(name, value)
    else:
        content = as_bytes(name, value)
    if len(content) > MAX_INPUT:
        raise LimitError(f"{name} has more than {MAX_INPUT} bytes", "too_large")
    return content


# --- numbers ------------------------------------------------------------------------------------


def shown(value: object) -> str:
    """For messages: not longer than a line, and numbers of any size."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print numbers of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."


def as_integer(name: str, value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongTypeError(f"{name} must be an integer, not {type(value).__name__}")
    if not least <= value <= most:
        raise UsageError(f"{name} must be {least} to {most}, not {shown(value)}")
    return value


def as_milliseconds(name: str, seconds: object, most: float = MAX_SECONDS) -> int:
    """Seconds, whole or not, from 0."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise WrongTypeError(f"{name} must be a number of seconds, not {type(seconds).__name__}")
    if not 0 <= seconds <= most:  # not true of NaN either
        raise UsageError(f"{name} must be 0 to {most:g} seconds, not {shown(seconds)}")
    return math.floor(seconds * 1000)


def as_flag(name: str, value: object) -> bool:
    """True or False and nothing else: "no" would be true."""
    if not isinstance(value, bool):
        raise WrongTypeError(f"{name} must be True or False, not {type(value).__name__}")
    return value


def as_c_text(name: str, value: object) -> bytes:
    text = as_bytes(name, value)
    if b"\0" in text:
        raise UsageError(f"{name} holds a NUL character")
    return text


def as_address(name: str, value: object) -> bytes:
    """An address of an enclave or to listen on, whose form is right."""
    address = as_c_text(name, value)
    error = new_error()
    check(lib.vsa_address_parse(address, ffi.new("struct vsa_address *"), error), error)
    return address


# --- JSON ---------------------------------------------------------------------------------------


def to_json(name: str, value: object) -> Any:
    """A json_t of what json.dumps() makes of `value`."""
    try:
        text = json.dumps(value, allow_nan=False).encode("ascii")
    except RecursionError:
        raise UsageError(f"{name} is nested too deeply", "nesting_too_deep") from None
    except TypeError as error:
        raise WrongTypeError(f"{name} cannot be written as JSON: {error}") from None
    except ValueError as error:
        raise UsageError(f"{name} cannot be written as JSON: {error}") from None
    refusal = ffi.new("json_error_t *")
    flags = lib.JSON_REJECT_DUPLICATES | lib.JSON_ALLOW_NUL
    pointer = lib.json_loadb(text, len(text), flags, refusal)
    if pointer == ffi.NULL:
        raise UsageError(f"{name} cannot be sent: {text_of(refusal.text)}")
    return ffi.gc(pointer, lib.json_decref)


def from_json(pointer: Any) -> Any:
    """Python's value of a json_t, which stays the caller's."""
    text = lib.json_dumps(pointer, lib.JSON_COMPACT)
    if text == ffi.NULL:
        raise InternalError("out of memory", "out_of_memory")
    try:
        return json.loads(ffi.string(text))
    finally:
        lib.free(text)


def take_json(pointer: Any) -> Dict[str, Any]:
    """The same of an object that is ours, and ends here."""
    if pointer == ffi.NULL:
        raise InternalError("out of memory", "out_of_memory")
    try:
        value: Dict[str, Any] = from_json(pointer)
        return value
    finally:
        lib.json_decref(pointer)


def decode_document(value: object) -> Tuple[Any, Any]:
    """Raw CBOR or base64 -> (slice of the document, what it borrows from)."""
    content = as_bytes("the document", value)
    if len(content) > MAX_INPUT:
        raise LimitError(f"the document has more than {MAX_INPUT} bytes", "too_large")
    keep: List[Any] = []
    room = ffi.new("uint8_t[]", len(content) + 1)
    document = ffi.new("struct vsa_slice *")
    error = new_error()
    check(lib.vsa_document_decode(slice_of(content, keep), room, len(content) + 1, document, error),
          error)
    keep.append(room)
    return document[0], (document, keep)
