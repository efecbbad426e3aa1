"""Scans as bodies of requests: whole, of known length, and a little at a time."""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile

import pytest

from connectors.avidxchange import images
from connectors.avidxchange.profile import load
from connectors.ports import Download

LARGEST_PIECE = 128 * 1024


@pytest.fixture
def shape(profile):
    return load(profile)["images"].data


@pytest.fixture
def scan():
    opened = []

    def make(size):
        content = (b"%PDF-1.4 " + bytes(range(256)) * (size // 256 + 1))[:size]
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
        file.write(content)
        opened.append(Download(file, size, hashlib.sha256(content).hexdigest()))
        return opened[-1], content

    yield make
    for each in opened:
        each.file.close()


@pytest.mark.parametrize("size", [5, 65534, 65535, 65536, 65537, 3_000_001])
def test_a_body_has_the_length_it_says_and_can_be_sent_twice(shape, scan, size):
    image, content = scan(size)
    upload, content_type = images.body(image, 'a "b"\r\nü.pdf', shape)
    first, again = b"".join(upload), b"".join(upload)
    assert len(first) == len(upload)
    assert first == again
    if shape["mode"] == "base64_json":
        record = json.loads(first)
        assert base64.b64decode(record["Content"], validate=True) == content
        assert (record["FileName"], record["ContentType"]) == ('a "b"\r\nü.pdf', "application/pdf")
    else:
        boundary = content_type.partition("boundary=")[2].encode()
        head, _, rest = first.partition(b"\r\n\r\n")
        assert rest == content + b"\r\n--" + boundary + b"--\r\n"
        assert 'name="file"; filename="a %22b%22%0D%0Aü.pdf"'.encode() in head


def test_no_more_than_a_piece_is_in_memory(shape, scan):
    image, _ = scan(3_000_001)
    upload, _ = images.body(image, "scan.pdf", shape)
    assert max(len(piece) for piece in upload) <= LARGEST_PIECE


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"%PDF-1.7", "application/pdf"), (b"II*\0", "image/tiff"), (b"PK\3\4", ""), (b"", ""), (b"\xff\xd8", "")],
)
def test_a_type_is_told_by_the_first_bytes(content, kind):
    with tempfile.TemporaryFile() as file:
        file.write(content)
        assert images.content_type(Download(file, len(content), "")) == kind


def test_a_tenant_may_take_less(scan):
    narrow = load("avidsuite-v1", {"resources": {"images": {"content_types": ["image/tiff"], "max_bytes": 100}}})
    shape = narrow["images"].data
    assert "takes TIFF" in images.problem(scan(50)[0], shape)
    assert "takes 100" in images.problem(scan(101)[0], shape)
