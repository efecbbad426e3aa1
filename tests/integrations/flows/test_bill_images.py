"""Which scan goes, and what happens to the others."""

from __future__ import annotations

import hashlib
import io
from types import SimpleNamespace

import pytest

from connectors.domain import Image, Written
from connectors.errors import BadAnswer, NotFound, Rejected, Unreachable
from connectors.ports import Download
from integrations.flows.bill_images import attach_first

LIMIT = 100


class Ledger:
    def __init__(self, **files: bytes | Exception) -> None:
        self.files = files
        self.opened: list[Download] = []

    def list_images(self, bill_key: str) -> list[Image]:
        if bill_key != "INV-1":
            raise NotFound("No such invoice.")
        sizes = {name: len(file) if isinstance(file, bytes) else None for name, file in self.files.items()}
        return [Image(name, f"{name}.pdf", "application/pdf", size) for name, size in sizes.items()]

    def fetch_image(self, bill_key: str, image_id: str) -> Download:
        content = self.files[image_id]
        if isinstance(content, Exception):
            raise content
        self.opened.append(Download(io.BytesIO(content), len(content), hashlib.sha256(content).hexdigest()))
        return self.opened[-1]


class Cloud:
    capabilities = SimpleNamespace(limits={"image.bytes": LIMIT})

    def __init__(self, *refuses: str) -> None:
        self.refuses = refuses
        self.got: list[tuple[str, bytes]] = []

    def judge_image(self, image: Download) -> str:
        good = image.file.read(4) == b"%PDF"
        image.file.seek(0)
        return "" if good else "the content is no document"

    def attach_image(self, bill_id: str, image: Download, file_name: str) -> Written:
        if file_name in self.refuses:
            raise Rejected("It is locked.")
        self.got.append((file_name, image.file.read()))
        return Written(bill_id)


def test_the_first_that_is_acceptable_goes_and_every_file_is_closed() -> None:
    ledger = Ledger(words=b"words", good=b"%PDF good", later=b"%PDF later")
    cloud = Cloud()
    written = attach_first(ledger, cloud, "INV-1", "77")
    checksum = hashlib.sha256(b"%PDF good").hexdigest()
    assert (written.id, written.details) == ("77", {"image": f"sha256:{checksum} good.pdf"})
    assert cloud.got == [("good.pdf", b"%PDF good")]
    assert [each.file.closed for each in ledger.opened] == [True, True]


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"words", "the content is no document"),
        (b"%PDF" + bytes(LIMIT), "It has 104 bytes, 100 are taken."),
        (NotFound("The file is missing."), "The file is missing."),
        (BadAnswer("Nonsense came."), "Nonsense came."),
    ],
)
def test_what_cannot_go_is_told_and_keeps_no_other(file: bytes | Exception, why: str) -> None:
    alone = attach_first(Ledger(one=file), Cloud(), "INV-1", "77")
    assert alone.details == {"without": f"one.pdf: {why}"}
    both = attach_first(Ledger(one=file, two=b"%PDF two"), Cloud(), "INV-1", "77")
    assert "image" in both.details


def test_one_too_large_is_not_even_fetched() -> None:
    ledger = Ledger(one=bytes(LIMIT + 1))
    attach_first(ledger, Cloud(), "INV-1", "77")
    assert ledger.opened == []


def test_what_the_cloud_refuses_is_told() -> None:
    written = attach_first(Ledger(one=b"%PDF"), Cloud("one.pdf"), "INV-1", "77")
    assert written.details == {"without": "one.pdf: It is locked."}


def test_no_scan_and_no_invoice_are_no_failure() -> None:
    assert attach_first(Ledger(), Cloud(), "INV-1", "77").details == {"without": ""}
    assert attach_first(Ledger(), Cloud(), "INV-2", "77").details == {"without": "No such invoice."}


def test_a_ledger_that_is_away_stops_the_work() -> None:
    with pytest.raises(Unreachable):
        attach_first(Ledger(one=Unreachable("Away.")), Cloud(), "INV-1", "77")
