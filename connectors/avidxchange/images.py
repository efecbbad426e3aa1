"""Scanned documents: told by their bytes, sent while they are read. docs: avidxchange 7.2"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from ..ports import Download
from ..transport import CHUNK, Upload
from . import paths

_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_PART = CHUNK // 3 * 3  # bytes whose base64 needs no padding
_CONTENT = uuid4().hex  # stands for the content where the body around it is built


def content_type(image: Download) -> str:
    """By the first bytes, "" for none that we know."""
    image.file.seek(0)
    head = image.file.read(8)
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")


def problem(image: Download, shape: Mapping[str, Any]) -> str:
    """Why it cannot be sent, "" when it can."""
    if not image.size:
        return "the file is empty"
    if image.size > shape["max_bytes"]:
        return f"the file has {image.size:,} bytes; AvidXchange takes {shape['max_bytes']:,}"
    kind = content_type(image)
    if kind not in shape["content_types"]:
        accepted = ", ".join(each.rpartition("/")[2].upper() for each in shape["content_types"])
        return f"the content is {kind or 'of no known type'}; AvidXchange takes {accepted}"
    return ""


def body(image: Download, file_name: str, shape: Mapping[str, Any]) -> tuple[Upload, str]:
    """What to send as the profile has it, and the Content-Type of the request."""
    kind = content_type(image)
    if shape["mode"] == "multipart":
        return _multipart(image, file_name, kind, shape["part_name"])
    return _base64_json(image, file_name, kind, shape["base64_fields"])


def _multipart(image: Download, file_name: str, kind: str, part: str) -> tuple[Upload, str]:
    boundary = uuid4().hex
    quoted = "".join(f"%{ord(each):02X}" if each in '"\r\n' else each for each in file_name)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{part}"; filename="{quoted}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()

    def chunks() -> Iterator[bytes]:
        yield head
        yield from _read(image, CHUNK)
        yield tail

    return Upload(len(head) + image.size + len(tail), chunks), f"multipart/form-data; boundary={boundary}"


def _base64_json(image: Download, file_name: str, kind: str, fields: Mapping[str, str]) -> tuple[Upload, str]:
    record: dict[str, Any] = {}
    for name, value in (("file_name", file_name), ("content_type", kind), ("content", _CONTENT)):
        paths.put(record, fields[name], value)
    head, tail = (each.encode() for each in json.dumps(record).split(_CONTENT))

    def chunks() -> Iterator[bytes]:
        yield head
        for piece in _read(image, _PART):
            yield base64.b64encode(piece)
        yield tail

    return Upload(len(head) + (image.size + 2) // 3 * 4 + len(tail), chunks), "application/json"


def _read(image: Download, size: int) -> Iterator[bytes]:
    image.file.seek(0)
    while piece := image.file.read(size):
        yield piece
