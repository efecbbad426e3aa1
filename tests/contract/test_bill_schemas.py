"""BILL's own published shapes against ours: its webhook OpenAPI and its Postman collection.

`CONTRACTS_DATA` names the directory that holds them under `bill/`; they are not part of the product.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import responses

from connectors.bill import mapper
from connectors.bill.connector import Bill
from connectors.bill.refusals import faults
from connectors.bill.webhooks import parse
from connectors.budget import MemoryStore
from connectors.clock import SystemClock
from connectors.domain import Address, BillDraft, DraftLine, VendorDraft
from connectors.ports import ConnectionSpec, Host

KEY = "1c0f8d5e-7c3e-4b1a-9a57-2f0d0f0a1b11"
DRAFT = BillDraft(
    vendor_id="00901QWERTYUIOPASDFG",
    number="INV-1",
    invoice_date=date(2026, 11, 18),
    due_date=date(2026, 12, 31),
    lines=(DraftLine("0ca01", Decimal("149.00"), "Rebar", "0de01"),),
    purchase_order="PO-1",
    description="Sage 100 invoice",
)
VENDOR = VendorDraft(
    name="Granite Supply Co",
    reference="01-0001234",
    address=Address("12 Quarry Rd", "Ste 4", "", "Spokane", "WA", "99201", "US"),
    phone="5095550100",
    email="ar@granite.example",
    currency="USD",
)


def load(name: str) -> Any:
    folder = os.environ.get("CONTRACTS_DATA")
    if not folder:
        pytest.skip("CONTRACTS_DATA is not set")
    path = Path(folder) / "bill" / name
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    return json.loads(path.read_text(), parse_float=Decimal)


@pytest.fixture(scope="module")
def openapi() -> Any:
    return load("connect-events-openapi.json")


@pytest.fixture(scope="module")
def postman() -> Any:
    return load("bill-v3-ap-postman-slice.json")


def requests_of(items: list[Any]) -> Iterator[Any]:
    for item in items:
        if "item" in item:
            yield from requests_of(item["item"])
        else:
            yield item


def request_named(postman: Any, method: str, path: str) -> Any:
    for each in requests_of(postman["folders"]):
        if each["method"] == method and each["url"].split("?")[0] == "{{baseUrl}}" + path:
            return each
    raise AssertionError(f"the collection has no {method} {path}")


def sample(postman: Any, method: str, path: str) -> Any:
    """The successful answer, its random amounts rounded to cents."""
    answers = request_named(postman, method, path)["responses"]
    return rounded(next(each["body"] for each in answers if isinstance(each["code"], int)))


def rounded(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value.quantize(Decimal("0.01"))
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def names(value: Any, prefix: str = "") -> set[str]:
    """All member paths of a JSON value; lists stand for their elements."""
    if isinstance(value, list):
        return set().union(*(names(each, prefix) for each in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found = set()
    for name, each in value.items():
        found |= {prefix + name} | names(each, f"{prefix}{name}.")
    return found


# --- REST: what we send --------------------------------------------------------------------------


def test_every_member_of_a_bill_that_we_send_is_one_that_bill_answers(postman):
    ours = names(mapper.bill_body(DRAFT)) - {"allowDuplicateInvoiceNumber"}  # not in the readable v3 documents
    assert ours <= names(sample(postman, "POST", "/v3/bills"))


def test_every_member_of_a_vendor_that_we_send_is_one_that_bill_answers(postman):
    assert names(mapper.vendor_body(VENDOR)) <= names(sample(postman, "POST", "/v3/vendors"))


def test_we_send_all_that_the_samples_of_the_requests_hold(postman):
    bill = names(request_named(postman, "POST", "/v3/bills")["requestExample"])
    assert bill <= names(mapper.bill_body(DRAFT))
    vendor = names(request_named(postman, "POST", "/v3/vendors")["requestExample"])
    assert {each for each in vendor if "bankAccount" not in each} <= names(mapper.vendor_body(VENDOR))


# --- REST: what we read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/v3/vendors", mapper.vendor),
        ("/v3/bills", mapper.target_bill),
        ("/v3/payments", mapper.payment),
        ("/v3/classifications/chart-of-accounts", mapper.account),
        ("/v3/classifications/departments", mapper.department),
        ("/v3/funding-accounts/banks", mapper.bank),
    ],
)
def test_the_samples_of_lists_can_be_read(postman, path, read):
    (row,) = sample(postman, "GET", path)["results"]
    record = read(row)
    assert getattr(record, "key", None) or record.id == "string"
    if path == "/v3/payments":
        assert record.applications[0].amount == row["billPayments"][0]["amount"]
        assert record.paid_on == date.fromisoformat(row["processDate"])
    if path == "/v3/bills":
        assert (record.total, record.number) == (row["amount"], row["invoice"]["invoiceNumber"])


def test_the_shapes_of_bulk_answers(postman):
    assert mapper.target_bill(sample(postman, "POST", "/v3/bills/bulk")[0]).id
    assert mapper.vendor(sample(postman, "POST", "/v3/vendors/bulk")["vendors"][0]).key


def test_the_sample_of_an_error_can_be_read(postman):
    (fault,) = faults(json.dumps(postman["errorExample"])) or []
    assert (fault.code, fault.message) == ("string", "string")


# --- webhooks ------------------------------------------------------------------------------------


def validate(openapi: Any, name: str, value: Any) -> None:
    schema = {**openapi["components"]["schemas"][name], "components": openapi["components"]}
    jsonschema.validate(value, schema, cls=jsonschema.Draft7Validator)


def made_up(openapi: Any, schema: Any) -> Any:
    """A value of the schema with every member present."""
    if "$ref" in schema:
        return made_up(openapi, openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "allOf" in schema:
        return made_up(openapi, schema["allOf"][0])
    if schema.get("type") == "array":
        return [made_up(openapi, schema["items"])]
    if schema.get("type") == "object":
        return {name: made_up(openapi, each) for name, each in schema.get("properties", {}).items()}
    if "enum" in schema:
        return schema["enum"][0]
    return {"integer": 1, "number": 1, "boolean": True}.get(schema.get("type", ""), "text")


@pytest.mark.parametrize(
    ("event", "schema"),
    [("vendor.created", "VendorPayloadV1"), ("bill.updated", "BillPayloadV1"), ("payment.updated", "PaymentPayloadV1")],
)
def test_events_of_every_documented_body_are_understood(openapi, event, schema):
    entity = made_up(openapi, openapi["components"]["schemas"][schema])
    validate(openapi, schema, entity)
    metadata = {"eventId": "e", "subscriptionId": "s", "organizationId": "o", "eventType": event, "version": "1"}
    body = json.dumps({"metadata": metadata, event.partition(".")[0]: entity})
    assert parse(body).entity_id == entity["id"]
    logged = {"id": "e", "type": event, "subscriptionId": "s", "payload": body, "createdTime": "x", "statusCode": 200}
    validate(openapi, "EventWithRetriesDto", {**logged, "retries": []})
    assert parse(json.dumps(logged)) == parse(body)


def test_subscriptions_are_asked_for_as_documented(openapi):
    """Every call goes to a documented path with the required headers and a body of the schema."""
    events = "https://gateway.stage.bill.com/connect-events"
    host = Host(SystemClock(), MemoryStore())
    spec = ConnectionSpec(
        key="k",
        name="pay",
        system="bill",
        base_url="https://gateway.stage.bill.com/connect",
        settings={"organization_id": "00801ABCDEFGHIJKLMNO"},
        credentials={"username": "u", "password": "p-word", "dev_key": "01key"},
    )
    answer = made_up(openapi, openapi["components"]["schemas"]["SubscriptionWithSecurityKeyResponseDto"])
    path = f"{events}/v3/subscriptions"
    with responses.RequestsMock() as mock:
        mock.add("POST", f"{spec.base_url}/v3/login", json={"sessionId": "session-1"})
        mock.add("GET", path, json={"results": []})
        mock.add("POST", path, json=answer)
        mock.add("PATCH", f"{path}/text", json=answer)
        mock.add("POST", f"{path}/text/security_key", json={"securityKey": "new"})
        bill = Bill(spec, host)
        url = "https://mlc.example/webhooks/bill/1/"
        assert bill.ensure_subscription(url, ["bill.created", "payment.updated"], KEY) == ("text", True, "text")
        assert bill.enable("text").enabled
        assert bill.rotate_key("text", KEY) == "new"
        sent = [each.request for each in mock.calls][1:]
    for request in sent:
        template = str(request.url).split("?")[0].removeprefix(events).replace("/text", "/{subscriptionId}")
        operation = openapi["paths"][template][str(request.method).lower()]
        headers = {each["name"] for each in operation["parameters"] if each["in"] == "header" and each.get("required")}
        assert headers <= set(request.headers)
        assert request.headers["sessionId"] == "session-1"
        if request.body:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            validate(openapi, schema, json.loads(request.body))
