"""Images of invoices: parts, types, sizes, when they are locked (docs: avidxchange 7.2, 14.1)."""

from __future__ import annotations

import base64
import hashlib
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.avidxchange.caller import PDF, PROFILES, Caller, denied, done, refused, serving

LIMIT = 10_485_760


@pytest.fixture(params=PROFILES)
def avid(request: pytest.FixtureRequest) -> Iterator[Caller]:
    with serving(request.param) as caller:
        caller.ready()
        yield caller


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("application/pdf", PDF),
        ("image/tiff", b"II*\0rest"),
        ("image/tiff", b"MM\0*rest"),
        ("image/png", b"\x89PNG\r\n\x1a\nrest"),
        ("image/jpeg", b"\xff\xd8\xff\xe0rest"),
    ],
)
def test_an_image_is_kept_as_size_and_checksum(avid: Caller, content_type: str, content: bytes) -> None:
    number = avid.invoice()
    item = done(avid.image(number, content, content_type))
    assert (item["Id"], item["HasImage"]) == (number, True)
    assert avid.read(number)["ImageUrl"]
    [kept] = avid.state("images")[str(number)]
    digest = hashlib.sha256(content).hexdigest()
    assert kept == {"file_name": "scan.pdf", "content_type": content_type, "size": len(content), "sha256": digest}
    assert (avid.stats()["images"], avid.stats()["image_bytes"]) == (1, len(content))


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("application/pdf", b"\x89PNG\r\n\x1a\n"),
        ("image/png", PDF),
        ("text/plain", b"hello"),
        ("image/gif", b"GIF89a"),
    ],
)
def test_a_type_that_is_wrong_or_refused_is_415(avid: Caller, content_type: str, content: bytes) -> None:
    number = avid.invoice()
    assert denied(avid.image(number, content, content_type)) == (415, "IMAGE_TYPE")
    assert avid.read(number)["HasImage"] is False


def test_the_limit_is_ten_mebibytes_of_content(avid: Caller) -> None:
    number = avid.invoice()
    largest = PDF.ljust(LIMIT, b"\0")
    assert denied(avid.image(number, largest + b"\0")) == (413, "IMAGE_TOO_LARGE")
    assert done(avid.image(number, largest))
    assert denied(avid.image(number, b""))[0] == 400


def test_an_unknown_invoice_takes_no_image(avid: Caller) -> None:
    assert denied(avid.image(77)) == (404, "NotFound")


# --- which invoices -----------------------------------------------------------------------------------


def test_a_second_image_replaces_the_first_while_the_invoice_is_open(avid: Caller) -> None:
    number = avid.invoice()
    done(avid.image(number))
    done(avid.image(number, PDF + b"2"))
    avid.act("approve", invoice=number)
    assert refused(avid.image(number)) == ["INVOICE_LOCKED"]
    assert len(avid.state("images")[str(number)]) == 2


@pytest.mark.parametrize(("state", "locked"), [("in_progress", False), ("settled", True)])
def test_a_first_image_comes_before_the_payment(avid: Caller, state: str, locked: bool) -> None:
    number = avid.invoice()
    avid.act("approve", invoice=number)
    avid.act("pay", invoices=[number], state=state)
    if locked:
        assert refused(avid.image(number)) == ["INVOICE_LOCKED"]
    else:
        assert done(avid.image(number))


@pytest.mark.parametrize("end", ["reject", "void_invoice"])
def test_an_invoice_that_ended_is_locked(avid: Caller, end: str) -> None:
    number = avid.invoice()
    avid.act(end, invoice=number)
    assert refused(avid.image(number)) == ["INVOICE_LOCKED"]


# --- multipart ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "files",
    [
        {"image": ("a.pdf", PDF, "application/pdf")},
        {"file": (None, PDF, "application/pdf")},
        {"file": ("a.pdf", PDF, "application/pdf"), "note": (None, "hello")},
        [("file", ("a.pdf", PDF, "application/pdf")), ("file", ("b.pdf", PDF, "application/pdf"))],
        {"file": (None, PDF.ljust(800_000), "application/pdf")},
    ],
)
def test_multipart_has_one_part_named_file(files: Any) -> None:
    with serving() as avid:
        avid.ready()
        number = avid.invoice()
        assert denied(avid.call("POST", f"/invoices/{number}/image", files=files)) == (400, "FIELD_REQUIRED")


def test_the_default_profile_takes_multipart_only() -> None:
    with serving() as avid:
        avid.ready()
        path = f"/invoices/{avid.invoice()}/image"
        assert avid.call("POST", path, {"FileName": "a.pdf"}).status_code == 415
        assert avid.http.post(f"{avid.url}/v1{path}", data=PDF, timeout=10).status_code == 415
        assert avid.call("POST", path.replace("image", "documents"), {}).status_code == 405


def test_a_chunked_upload_is_taken() -> None:
    with serving(keep_images=True) as avid:
        avid.ready()
        number = avid.invoice()
        named = b'Content-Disposition: form-data; name="file"; filename="a.pdf"'
        head = b"--X\r\n" + named + b"\r\nContent-Type: application/pdf\r\n\r\n"
        chunks = [head, PDF, b"1" * 300_000, b"2" * 300_000, b"\r\n--X--\r\n"]
        headers = {"Content-Type": "multipart/form-data; boundary=X"}
        url = f"{avid.url}/v1/invoices/{number}/image"
        assert done(avid.http.post(url, data=iter(chunks), headers=headers, timeout=10))
        [upload] = avid.sandbox.invoices.uploads[number]
        assert upload.data == PDF + b"1" * 300_000 + b"2" * 300_000


def test_uploads_are_not_held_in_memory() -> None:
    with serving() as avid:
        avid.ready()
        number = avid.invoice()
        body = PDF.ljust(8_000_000, b"\0")
        avid.image(number, body)
        tracemalloc.start()
        try:
            for _ in range(3):
                done(avid.image(number, body))
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 4_000_000


# --- base64 -------------------------------------------------------------------------------------------


def encoded(**changes: Any) -> dict[str, Any]:
    whole = {"FileName": "a.pdf", "ContentType": "application/pdf", "Content": base64.b64encode(PDF).decode()}
    return {**whole, **changes}


@pytest.mark.parametrize(
    "change",
    [
        {"Content": base64.encodebytes(PDF * 5).decode()},
        {"Content": base64.urlsafe_b64encode(b"%PDF-" + b"\xff\xff\xff" * 3).decode()},
        {"Content": "%%%"},
        {"Content": None},
        {"FileName": ""},
        {"ContentType": None},
        {"Size": 5},
    ],
)
def test_base64_is_standard_without_line_breaks_and_complete(change: dict[str, Any]) -> None:
    with serving("plain-rest") as avid:
        avid.ready()
        path = f"/invoices/{avid.invoice()}/documents"
        assert avid.call("POST", path, encoded(**change)).status_code == 400
        assert done(avid.call("POST", path, encoded()))


def test_the_second_profile_takes_json_only() -> None:
    with serving("plain-rest") as avid:
        avid.ready()
        path = f"/invoices/{avid.invoice()}/documents"
        answer = avid.call("POST", path, files={"file": ("a.pdf", PDF, "application/pdf")})
        assert denied(answer) == (415, "CONTENT_TYPE")
