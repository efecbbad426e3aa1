"""The scanned document of an invoice: told by its bytes, measured while it streams in (docs: avidxchange 7.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

from .refusals import Refused, bad_request

MOST_BYTES = 10_485_760
CHUNK = 64 * 1024
MAGIC = {
    "application/pdf": (b"%PDF-",),
    "image/tiff": (b"II*\0", b"MM\0*"),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
}
FIELDS = ("FileName", "ContentType", "Content")


@dataclass(frozen=True, slots=True)
class Upload:
    """data: the bytes, only if the sandbox is told to keep them."""

    file_name: str
    content_type: str
    size: int
    sha256: str
    data: bytes | None


def from_multipart(request: Request, keep: bool) -> Upload:
    """One part named `file` with a file name and a content type. The parser spools it to a temporary file."""
    if request.mimetype != "multipart/form-data":
        raise Refused(415, "CONTENT_TYPE", "Content-Type must be multipart/form-data.")
    try:
        parts, others = [*request.files.items(multi=True)], request.form
    except RequestEntityTooLarge:  # a large part without file name
        parts, others = [], None
    if [name for name, _ in parts] != ["file"] or others or not parts[0][1].filename:
        raise bad_request("FIELD_REQUIRED", "One part named file, with a file name, is required.")
    part = parts[0][1]
    digest, size, head, kept = hashlib.sha256(), 0, b"", bytearray()
    while chunk := part.stream.read(CHUNK):
        head = head or chunk[:16]
        size += len(chunk)
        digest.update(chunk)
        if keep:
            kept += chunk
    part.close()
    _check(part.mimetype, size, head)
    return Upload(str(part.filename), part.mimetype, size, digest.hexdigest(), bytes(kept) if keep else None)


def from_json(body: Any, keep: bool) -> Upload:
    """{"FileName", "ContentType", "Content"}, the content in standard base64 without line breaks."""
    if not isinstance(body, dict):
        raise bad_request("FIELD_INVALID", "The body must be an object.")
    unknown = sorted(body.keys() - set(FIELDS))
    if unknown:
        raise bad_request("UNKNOWN_FIELD", f"{unknown[0]} is not known.")
    for name in FIELDS:
        if not isinstance(body.get(name), str) or (name != "Content" and not body[name]):
            raise bad_request("FIELD_REQUIRED", f"{name} is required.")
    try:
        data = base64.b64decode(body["Content"], validate=True)
    except (binascii.Error, ValueError):
        raise bad_request("FIELD_INVALID", "Content must be base64 without line breaks.") from None
    _check(body["ContentType"], len(data), data[:16])
    digest = hashlib.sha256(data).hexdigest()
    return Upload(body["FileName"], body["ContentType"], len(data), digest, data if keep else None)


def _check(content_type: str, size: int, head: bytes) -> None:
    if not size:
        raise bad_request("FIELD_REQUIRED", "The image is empty.")
    if size > MOST_BYTES:
        raise Refused(413, "IMAGE_TOO_LARGE", f"An image has at most {MOST_BYTES} bytes.")
    if not head.startswith(MAGIC.get(content_type, ())):
        raise Refused(415, "IMAGE_TYPE", f"The content is no {content_type}, or the type is not accepted.")
