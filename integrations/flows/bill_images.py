"""The scanned document of an invoice goes after it, alone: it can be sent again without a second invoice."""

from __future__ import annotations

from typing import Any

from connectors.domain import Image, Written
from connectors.errors import BadAnswer, NotFound, Rejected
from connectors.ports import Download

WANTED = "wanted"  # a link's attachment until it is known what went with the bill
NEXT = "Its scan goes next."


def attach_first(reader: Any, writer: Any, bill_key: str, bill_id: str) -> Written:
    """Give the bill the first scan that the target takes, streamed through this machine's disk.

    `Written.details` hold its `image` (checksum and name), or under `without` in words why none went.
    """
    try:
        images: list[Image] = reader.list_images(bill_key)
    except NotFound as error:
        return Written(bill_id, details={"without": error.message})
    refused = []
    for image in images:
        try:
            sent = _attach(reader, writer, bill_key, bill_id, image)
        except Rejected as error:  # this one; the next may do
            refused.append(f"{image.file_name}: {error.message}")
        else:
            return Written(bill_id, details={"image": sent})
    return Written(bill_id, details={"without": " ".join(refused)})


def _attach(reader: Any, writer: Any, bill_key: str, bill_id: str, image: Image) -> str:
    """What was sent: its checksum and name. Raises Rejected."""
    limit = writer.capabilities.limits["image.bytes"]
    if image.size is not None and image.size > limit:  # not worth its way
        raise Rejected(f"It has {image.size:,} bytes, {limit:,} are taken.")
    with _fetch(reader, bill_key, image) as download:
        problem = writer.judge_image(download)
        if problem:
            raise Rejected(problem)
        writer.attach_image(bill_id, download, image.file_name)
        return f"sha256:{download.sha256} {image.file_name}"


def _fetch(reader: Any, bill_key: str, image: Image) -> Download:
    """One that the ledger cannot show in order must not keep the others, nor the invoice."""
    try:
        download: Download = reader.fetch_image(bill_key, image.id)
    except BadAnswer as error:
        raise Rejected(error.message) from None
    return download
