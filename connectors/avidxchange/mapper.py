"""AvidXchange's records in a profile's words, to the domain and back. Pure; raises ValueError. docs: avidxchange 6-9"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from ..domain import (
    CENT,
    Account,
    Address,
    Application,
    BillDraft,
    CodeDraft,
    DraftLine,
    Payment,
    PaymentMethod,
    PaymentStatus,
    TargetBill,
    Vendor,
    VendorDraft,
    VendorStatus,
)
from . import paths

Shape = Mapping[str, Any]

SEPARATOR = "|"  # between a vendor's code and its address, and in our keys of codes (docs: avidxchange 7.1, 13.8)
DESCRIPTION = 50  # characters of a code's description; one more may fail a whole import (docs: avidxchange 6.3)
PHONE = 20  # characters; a longer number would refuse the whole vendor and is left out [assumed]
DELTA = "delta"  # import mode that leaves the codes alone that are not sent (docs: avidxchange 8)

_METHODS = {
    "check": PaymentMethod.CHECK,
    "ach": PaymentMethod.ACH,
    "virtual_card": PaymentMethod.VIRTUAL_CARD,
    "internal": PaymentMethod.OTHER,
}
_VENDOR_FIELDS = {"email": "email", "phone": "phone", "name": "name", "active": "active"}  # ours -> the profile's


class Mapper:
    """`shapes`: the profile's resources. Times without a zone are of `zone`; days are written in `day_format`."""

    def __init__(self, shapes: Mapping[str, Shape], zone: tzinfo, day_format: str) -> None:
        self._shapes = shapes
        self._zone = zone
        self._day_format = day_format

    # --- vendors ---------------------------------------------------------------------------------

    def vendor(self, row: Any) -> Vendor:
        shape = self._shapes["vendors"]
        field = _reader(row, shape["fields"])
        code = _needed(field, "external_code")
        remit_to = field("remit_to")
        return Vendor(
            key=code,
            number=code,
            name=_text(field("name")),
            status=VendorStatus.INACTIVE if field("active") in (False, "false", "False") else VendorStatus.ACTIVE,
            address=_address(field("address"), shape["address_fields"]),
            remit_to_address=_address(remit_to, shape["address_fields"]) if remit_to else None,
            phone=_text(field("phone")),
            email=_text(field("email")),
            reference=code,
            changed_at=self.moment(field("last_modified")),
        )

    def new_vendor(self, draft: VendorDraft, system: Any) -> dict[str, Any]:
        """The whole body; what is empty is left out."""
        fields = frozenset({"address", "remit_to", "payee_name", *_VENDOR_FIELDS})
        body = self.changed_vendor(draft, fields)
        shape = self._shapes["vendors"]["fields"]
        paths.put(body, shape["accounting_system_id"], system)
        paths.put(body, shape["external_code"], draft.reference)
        return body

    def changed_vendor(self, draft: VendorDraft, changed: frozenset[str]) -> dict[str, Any]:
        """Absent means unchanged, and what the ledger does not hold is not erased; an address is replaced whole."""
        shape = self._shapes["vendors"]
        fields, body = shape["fields"], dict[str, Any]()
        for ours, theirs in _VENDOR_FIELDS.items():
            value = getattr(draft, ours)
            if ours in changed and (ours != "phone" or len(value) <= PHONE):
                _fill(body, fields, theirs, value)
        if changed & {"name", "payee_name"}:
            _fill(body, fields, "name_on_check", draft.payee_name or draft.name)
        if "address" in changed:
            _fill(body, fields, "address", _address_body(draft.address, shape["address_fields"]))
        if changed & {"address", "remit_to"}:
            remit_to = _address_body(draft.remit_to or draft.address, shape["address_fields"])
            _fill(body, fields, "remit_to", remit_to)
        return body

    # --- codes -----------------------------------------------------------------------------------

    def code(self, row: Any) -> Account:
        field = _reader(row, self._shapes["codes"]["fields"])
        group, value = _needed(field, "group"), _needed(field, "value")
        return Account(
            key=code_key(group, value),
            number=value,
            name=_text(field("description")),
            active=field("active") not in (False, "false", "False"),
            kind=group,
        )

    def code_import(self, group: str, drafts: Sequence[CodeDraft]) -> dict[str, Any]:
        shape = self._shapes["codes"]
        body = dict[str, Any]()
        rows = []
        for draft in drafts:
            row: dict[str, Any] = {}
            _fill(row, shape["fields"], "value", draft.value)
            _fill(row, shape["fields"], "description", draft.description[:DESCRIPTION])
            _fill(row, shape["fields"], "active", draft.active)
            rows.append(row)
        _fill(body, shape, "import_group", group)
        _fill(body, shape, "import_mode", DELTA)
        _fill(body, shape, "import_total_rows", len(rows))
        _fill(body, shape, "import_rows", rows)
        return body

    # --- invoices --------------------------------------------------------------------------------

    def bill(self, row: Any) -> TargetBill:
        shape = self._shapes["invoices"]
        field = _reader(row, shape["fields"])
        status, total = _text(field("status")), _money(field("gross"), "the gross amount")
        outcome = _class_of(status, shape["statuses"])
        outcome = "" if outcome == "open" else outcome
        reason = _text(field("status_reason"))
        return TargetBill(
            id=_needed(field, "id"),
            vendor_id=_vendor_code(field("vendor_code")),
            number=_text(field("number")),
            total=total,
            paid=total if outcome == "paid" else Decimal(0),
            unpaid=outcome != "paid",
            invoice_date=self.day(field("invoice_date")),
            changed_at=self.moment(field("last_modified")),
            status=f"{status}: {reason}" if reason else status,
            outcome=outcome,
            has_image=field("has_image") in (True, "true", "True"),
            reference=_text(field("external_id")),
        )

    def unreadable_bill(self, row: Any, why: str) -> TargetBill:
        """Raises ValueError where not even its id can be read."""
        field = _reader(row, self._shapes["invoices"]["fields"])
        return TargetBill(
            id=_needed(field, "id"),
            vendor_id=_vendor_code(field("vendor_code")),
            number=_text(field("number")),
            total=Decimal(0),
            unreadable=why,
        )

    def new_bill(self, draft: BillDraft, system: Any) -> dict[str, Any]:
        shape = self._shapes["invoices"]
        fields, body = shape["fields"], dict[str, Any]()
        if draft.reference:
            _fill(body, fields, "external_id", draft.reference)
            for path, value in shape.get("external_id_constants", {}).items():
                paths.put(body, path, value)
        _fill(body, fields, "accounting_system_id", system)
        _fill(body, fields, "number", draft.number)
        _fill(body, fields, "vendor_code", draft.vendor_id)
        _fill(body, fields, "invoice_date", self._written_day(draft.invoice_date))
        _fill(body, fields, "due_date", self._written_day(draft.due_date))
        _fill(body, fields, "posting_date", self._written_day(draft.posting_date))
        _fill(body, fields, "gross", _cents(draft.total))
        _fill(body, fields, "po_number", draft.purchase_order)
        _fill(body, fields, "memo", draft.description)
        _fill(body, fields, "lines", [self._line(line, number) for number, line in enumerate(draft.lines, 1)])
        return body

    def _line(self, line: DraftLine, number: int) -> dict[str, Any]:
        shape, body = self._shapes["invoices"], dict[str, Any]()
        _fill(body, shape["line_fields"], "number", number)
        _fill(body, shape["line_fields"], "amount", _cents(line.amount))
        _fill(body, shape["line_fields"], "description", line.description)
        _fill(body, shape["line_fields"], "codes", [self._code_of_line(key) for key in (line.account, *line.codes)])
        return body

    def _code_of_line(self, key: str) -> dict[str, Any]:
        shape, body = self._shapes["invoices"]["line_code_fields"], dict[str, Any]()
        group, separator, value = key.partition(SEPARATOR)
        if not separator or not value:
            raise ValueError(f"{key!r} is no code of a group")
        _fill(body, shape, "value", value)
        _fill(body, shape, "group", group)
        return body

    # --- payments --------------------------------------------------------------------------------

    def payment(self, row: Any) -> Payment:
        """`raw_status` is the display text; `paid_on` the day it was settled, else the day of the payment."""
        shape = self._shapes["payments"]
        field = _reader(row, shape["fields"])
        key, amount = _needed(field, "id"), _money(field("amount"), "the amount")
        status, settled_on = _text(field("status")), self.day(field("settled_date"))
        meaning = _class_of(status, shape["statuses"])
        kind = _class_of(_text(field("method")), shape["methods"])
        method = _METHODS.get(kind, PaymentMethod.OTHER)
        check = _text(field("check_number")) or _text(field("erp_check_number"))
        last4 = _text(field("card_last4"))
        banks = paths.listed(field("bank_account_ids"))
        return Payment(
            key=key,
            vendor_id=_vendor_code(field("vendor_code")),
            status=self._payment_status(meaning, settled_on, shape),
            raw_status=status,
            method=method,
            amount=amount,
            paid_on=settled_on or self.day(field("payment_date")),
            applications=self._applications(field("remittances"), amount),
            check_number=check if method is PaymentMethod.CHECK else "",
            reference=_reference(method, check, _text(field("ach_trace")), last4, key),
            funding_account=_text(banks[0]) if banks else "",
            changed_at=self.moment(field("last_modified")),
            warning=self._warning(field, meaning, kind, last4),
        )

    @staticmethod
    def _payment_status(meaning: str, settled_on: date | None, shape: Shape) -> PaymentStatus:
        """Money has left only where both say so; nobody's words but the profile's settle (docs: avidxchange 9.3)."""
        if meaning == "void":
            return PaymentStatus.VOIDED
        dated = settled_on is not None or not shape.get("settled_requires_date", True)
        return PaymentStatus.PAID if meaning == "settled" and dated else PaymentStatus.OPEN

    def _applications(self, remittances: Any, amount: Decimal) -> tuple[Application, ...]:
        shape = self._shapes["payments"]["remittance_fields"]
        found = []
        for row in paths.listed(remittances):
            field = _reader(row, shape)
            found.append(
                Application(
                    bill="",
                    amount=_money(field("net"), "a remittance's net amount"),
                    discount=_money(field("discount") or 0, "a remittance's discount"),
                    number=_text(field("invoice_number")),
                    reference=_text(field("external_id")),
                )
            )
        total = sum((each.amount for each in found), Decimal(0))
        if found and total != amount:
            raise ValueError(f"the remittances add up to {total}, the payment to {amount}")
        return tuple(found)

    def _warning(self, field: Any, meaning: str, kind: str, last4: str) -> str:
        told = []
        if not meaning:
            told.append(f"The payment status {_text(field('status'))!r} is unknown and settles nothing.")
        if not kind:
            told.append(f"The payment method {_text(field('method'))!r} is unknown.")
        if len(last4) > 4:
            told.append("AvidXchange told more than four digits of a card number; they were cut.")
        if meaning == "failed":
            reason = self._shapes["payments"]["fields"].get("exception_reason", "")
            reasons = [_text(paths.get(each, reason)) for each in paths.listed(field("exceptions"))]
            told.append(f"The payment failed: {', '.join(filter(None, reasons)) or 'no reason is given'}.")
        return " ".join(told)

    def is_whole(self, row: Any) -> bool:
        """Whether a row of the list tells what the details do: remittances, and of cards their last digits."""
        shape = self._shapes["payments"]
        field = _reader(row, shape["fields"])
        card = _class_of(_text(field("method")), shape["methods"]) == "virtual_card"
        return field("remittances") is not None and (not card or field("card_last4") is not None)

    # --- values ----------------------------------------------------------------------------------

    def identifier(self, resource: str, row: Any) -> str:
        """The record's own id, which the other side made. Raises ValueError."""
        return _needed(_reader(row, self._shapes[resource]["fields"]), "id")

    def moment(self, value: Any) -> datetime | None:
        """Times come naive, with a blank or a T, with or without fractions (docs: avidxchange 5.1)."""
        if value in (None, ""):
            return None
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            raise ValueError(f"{value!r} is no time") from None
        return (found if found.tzinfo else found.replace(tzinfo=self._zone)).astimezone(UTC)

    def day(self, value: Any) -> date | None:
        """The date as it stands there: accounting knows no zones."""
        if value in (None, ""):
            return None
        try:
            return datetime.fromisoformat(str(value)).date()
        except ValueError:
            raise ValueError(f"{value!r} is no date") from None

    def _written_day(self, day: date | None) -> str | None:
        return day.strftime(self._day_format) if day else None


def code_key(group: str, value: str) -> str:
    return f"{group}{SEPARATOR}{value}"


# --- parts ---------------------------------------------------------------------------------------


def _reader(row: Any, fields: Mapping[str, str]) -> Any:
    """A function from our name of a field to its value, None where the profile or the record has none."""
    if not isinstance(row, dict):
        raise ValueError("an object expected")
    return lambda name: paths.get(row, fields[name]) if name in fields else None


def _fill(body: dict[str, Any], fields: Mapping[str, str], name: str, value: Any) -> None:
    """Nothing is sent of what is empty or what the tenant has no field for."""
    if name in fields and value not in (None, "", {}):
        paths.put(body, fields[name], value)


def _needed(field: Any, name: str) -> str:
    found = _text(field(name))
    if not found:
        raise ValueError(f"it has no {name.replace('_', ' ')}")
    return found


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _money(value: Any, what: str) -> Decimal:
    try:
        found = Decimal(str(value)) if not isinstance(value, bool) else None
        if found is not None and found == found.quantize(CENT):
            return found.quantize(CENT)
    except InvalidOperation:  # no number, or none that money can be
        pass
    raise ValueError(f"{what} is {value!r}: an amount in cents expected")


def _cents(amount: Decimal) -> Decimal:
    return _money(amount, "an amount")


def _class_of(text: str, classes: Mapping[str, Sequence[str]]) -> str:
    """The class that a display text belongs to, "" for one that is unknown; capitals and spaces do not count."""
    wanted = " ".join(text.split()).casefold()
    return next(
        (name for name, texts in classes.items() if wanted in (" ".join(each.split()).casefold() for each in texts)), ""
    )


def _vendor_code(value: Any) -> str:
    """A code may carry an address behind a bar (docs: avidxchange 7.1)."""
    return _text(value).partition(SEPARATOR)[0].strip()


def _reference(method: PaymentMethod, check: str, trace: str, last4: str, key: str) -> str:
    """What the ledger should show of the payment (docs: avidxchange 9.5)."""
    if method is PaymentMethod.CHECK:
        return check
    if method is PaymentMethod.ACH:
        return trace
    return f"VC{last4[-4:]}{key}" if method is PaymentMethod.VIRTUAL_CARD else ""


def _address(value: Any, fields: Mapping[str, str]) -> Address:
    field = _reader(value or {}, fields)
    lines = [_text(field(f"line{number}")) for number in range(1, 5)]
    return Address(
        line1=lines[0],
        line2=lines[1],
        line3=" ".join(filter(None, lines[2:])),
        city=_text(field("city")),
        state=_text(field("state")),
        postcode=_text(field("postal_code")),
        country=_text(field("country")),
    )


def _address_body(address: Address, fields: Mapping[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in (
        ("line1", address.line1),
        ("line2", address.line2),
        ("line3", address.line3),
        ("city", address.city),
        ("state", address.state),
        ("postal_code", address.postcode),
        ("country", address.country),
    ):
        _fill(body, fields, name, value)
    return body
