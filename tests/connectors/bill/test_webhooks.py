from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from connectors.bill.webhooks import Event, parse, verify

KEY = "one-time key"
EVENT = {
    "metadata": {
        "eventId": "625947c4-8e6b-48f0-ae72-ea9c9375ec27",
        "subscriptionId": "f6d06930-e3e2-4509-be37-4dbda29efc61",
        "organizationId": "00801ABCDEFGHIJKLMNO",
        "eventType": "bill.created",
        "version": "1",
    },
    "bill": {"id": "00n01ZXCVBNMASDFGHJK", "amount": 228.98},
}
BODY = json.dumps(EVENT, separators=(",", ":")).encode()
READ = Event(
    "625947c4-8e6b-48f0-ae72-ea9c9375ec27",
    "f6d06930-e3e2-4509-be37-4dbda29efc61",
    "00801ABCDEFGHIJKLMNO",
    "bill.created",
    "00n01ZXCVBNMASDFGHJK",
)


def sign(body: bytes, key: str = KEY) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def test_signature_over_the_raw_bytes():
    assert verify(BODY, sign(BODY), [KEY])
    assert not verify(BODY + b" ", sign(BODY), [KEY])


def test_either_key_counts_during_a_rotation():
    assert verify(BODY, sign(BODY, "old"), [KEY, "old"])
    assert not verify(BODY, sign(BODY, "older"), [KEY, "old"])


@pytest.mark.parametrize("signature", ["", "x", "é" * 44, "\udcff", hmac.new(KEY.encode(), BODY, "sha256").hexdigest()])
def test_strange_signatures_are_refused(signature):
    assert not verify(BODY, signature, [KEY])


def test_without_a_key_nothing_is_accepted():
    assert not verify(BODY, sign(BODY, ""), [])
    assert not verify(BODY, sign(BODY, ""), [""])


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        json.dumps(BODY.decode()).encode(),
        json.dumps({"payload": BODY.decode()}).encode(),
        json.dumps(json.dumps({"payload": BODY.decode()})).encode(),
        BODY.decode(),
    ],
)
def test_encodings_of_the_same_event(body):
    assert parse(body) == READ


def test_a_failed_payment_may_have_no_id():
    event = parse(json.dumps({"metadata": {"eventId": "e", "eventType": "payment.failed"}, "payment": {"errors": []}}))
    assert (event.type, event.entity_id) == ("payment.failed", "")


def test_entry_of_the_log_without_metadata_in_its_payload():
    entry = {"id": "e", "type": "vendor.updated", "subscriptionId": "s", "payload": '{"vendor":{"id":"009"}}'}
    assert parse(json.dumps(entry)) == Event("e", "s", "", "vendor.updated", "009")


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"1", b"null", b"{}", b'"x"', b"[" * 100_000, b'{"metadata":[]}']
)
def test_what_is_no_event_raises_value_error(body):
    with pytest.raises(ValueError):
        parse(body)
