"""Makes records of plain facts, for actions, bulk loads and sample data."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from connectors.sage100.sandbox.model import Account, Attachment, Company, Invoice, Line, Order, Vendor
from connectors.sage100.sandbox.stamps import BLANK, Moment, Stamp, padded, unpadded
from connectors.sage100.sandbox.vendors import BLANK as BLANK_VENDOR
from connectors.sage100.sandbox.wire import money, show, to_date

DATES = ("due_date", "discount_date", "posted_date")
PLAIN = ("comment", "terms", "purchase_order_no", "hold", "separate_check", "in_open", "selected", "batch_no")
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"


def json_safe(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in facts.items()}


@dataclass
class Builder:
    company: Company
    now: datetime

    def stamp(self, style: str = "", created: datetime | None = None, updated: datetime | None = None) -> Stamp:
        """style: "" as Sage writes today, "unpadded", "padded", "no_time" (date alone), "created" (never updated),
        "blank" (no stamp at all)."""
        made = Stamp.at(self.company.zone, created or self.now, updated or created or self.now)
        styles: dict[str, tuple[Moment, Moment]] = {
            "": (made.created, made.updated),
            "unpadded": (unpadded(made.created), unpadded(made.updated)),
            "padded": (padded(made.created), padded(made.updated)),
            "no_time": (made.created, (made.updated[0], "")),
            "created": (made.created, BLANK),
            "blank": (BLANK, BLANK),
        }
        return Stamp(self.company.zone, *styles[style])

    def account(
        self,
        account: str = "",
        codes: Iterable[str] = (),
        description: str = "",
        type: str = "12",
        status: str = "A",
        account_key: str = "",
    ) -> Account:
        parts = tuple(codes) or tuple(account.split("-"))
        if len(parts) != len(self.company.segments):
            raise ValueError(f"{self.company.code} has {len(self.company.segments)} segments: give codes=[...]")
        key = account_key or f"{self.company.next('account'):08d}A"
        main = self.company.segments[0]
        main.values.setdefault(parts[0], description or parts[0])
        names = [segment.values.get(code, code) for segment, code in zip(self.company.segments, parts, strict=True)]
        stamp = self.stamp(created=self.now - timedelta(days=400))
        return Account(key, parts, ", ".join([description or names[0], *names[1:]])[:50], type, stamp, status)

    def vendor(
        self,
        vendor: str,
        name: str,
        division: str = "01",
        terms: str = "03",
        remit_to: dict[str, str | None] | None = None,
        stamp: str = "",
        created: str = "0",
        **columns: Any,
    ) -> Vendor:
        unknown = columns.keys() - BLANK_VENDOR.keys()
        if unknown:
            raise ValueError(f"no such vendor columns: {sorted(unknown)}")
        values = {**BLANK_VENDOR, **columns, "vendorName": name, "termsCode": terms}
        if remit_to is not None:
            parts = ("name", "addressLine1", "city", "state", "zipCode", "countryCode")
            remit_to = {**dict.fromkeys(parts), **remit_to}
        at = self.now + timedelta(days=int(created))
        return Vendor(division, vendor, values, self.stamp(stamp, at), remit_to)

    def line(self, facts: dict[str, Any], header: int = 1) -> Line:
        account = self.company.account(facts["account"])
        quantity, cost = facts.get("quantity"), facts.get("unit_cost")
        return Line(
            account.account_key,
            money(facts["amount"]),
            facts.get("description"),
            header,
            facts.get("item_code"),
            None if quantity is None else Decimal(str(quantity)),
            None if cost is None else Decimal(str(cost)),
        )

    def invoice(
        self,
        vendor: str,
        invoice: str,
        amount: Any = None,
        lines: list[dict[str, Any]] | None = None,
        division: str = "01",
        state: str = "posted",
        account: str = "5010-01-00",
        invoice_date: str = "-10",
        freight: Any = None,
        tax: Any = None,
        discount: Any = 0,
        balance: Any = None,
        attachments: Iterable[str] = (),
        source_module: str = "A/P",
        stamp: str = "",
        created: str = "",
        **more: Any,
    ) -> Invoice:
        """`amount` alone makes one line on `account`; else lines + freight + tax is the amount (freight and tax on
        posted invoices only). `balance` default: the amount, 0 for an entry. `stamp`: see `Builder.stamp`;
        `created`: days from today (default: now). `attachments`: file names, "missing:x.pdf" and "large:x.tif" too,
        or whole paths. Also due_date, discount_date, posted_date, comment, terms, purchase_order_no, hold,
        separate_check, in_open, selected, batch_no."""
        if (self.company.vendors.get(division, vendor)) is None:
            raise KeyError(f"no vendor {division}-{vendor}")
        lines = lines or [{"account": account, "amount": amount, "description": more.get("comment")}]
        built = [self.line(each) for each in lines]
        outside = [money(each) for each in (freight, tax) if each is not None]
        if outside and state == "entry":
            raise ValueError("lines of an entry sum to its amount")
        total = sum((line.amount for line in built), Decimal("0.00")) + sum(outside)
        today = self.company.today(self.now)
        day = to_date(invoice_date, today) or today
        at = (
            datetime.combine(today, time(10, 12, 30), self.company.zone) + timedelta(days=int(created))
            if created
            else None
        )
        made = Invoice(
            division=division,
            vendor=vendor,
            number=invoice,
            state=state,
            invoice_date=day,
            lines=built,
            stamp=self.stamp(stamp, at),
            amount=total,
            balance=total if state == "posted" else Decimal("0.00"),
            due_date=day + timedelta(days=30),
            posted_date=min(day + timedelta(days=1), today) if state == "posted" else None,
            terms="03",
            source_module=source_module,
            batch_no=None if state == "posted" else "00001",
            discount=money(discount),
            freight=None if freight is None else money(freight),
            tax=None if tax is None else money(tax),
            attachments=[self.attachment(each) for each in attachments],
        )
        self._set(made, more)
        if balance is not None:
            made.balance = money(balance)
        return made

    def attachment(self, text: str) -> Attachment:
        kind, _, name = text.rpartition(":") if text.startswith(("missing:", "large:")) else ("", "", text)
        number = f"m-{self.company.next('attachment'):06d}"
        path = name if "\\" in name else f"{self.company.attachment_root}\\{name}"
        if kind == "large":
            return Attachment(number, path, None, 26 * 1024 * 1024)
        content = None if kind == "missing" else PDF + b"% " + name.encode() + b"\n"
        return Attachment(number, path, content, None if content is None else len(content))

    def change(self, invoice: Invoice, facts: dict[str, Any]) -> None:
        """New facts of an invoice; what it costs moves amount and balance alike."""
        for name in ("freight", "tax"):
            if name in facts:
                value = facts.pop(name)
                setattr(invoice, name, None if value is None else money(value))
        amount, lines = facts.pop("amount", None), facts.pop("lines", None)
        if lines is not None:
            invoice.lines = [self.line(each) for each in lines]
        elif amount is not None:
            rest = money(amount) - invoice.outside()
            invoice.lines = [Line(invoice.lines[0].account_key, rest, invoice.lines[0].description)]
        total = sum((line.amount for line in invoice.lines), Decimal("0.00")) + invoice.outside()
        if invoice.posted:
            invoice.balance += total - invoice.amount
        invoice.amount = total
        if "balance" in facts:
            invoice.balance = money(facts.pop("balance"))
        self._set(invoice, facts)

    def _set(self, invoice: Invoice, facts: dict[str, Any]) -> None:
        today = self.company.today(self.now)
        for name, value in facts.items():
            if name in DATES:
                setattr(invoice, name, to_date(value, today))
            elif name == "invoice_date":
                invoice.invoice_date = to_date(value, today) or today
            elif name in PLAIN:
                setattr(invoice, name, value)
            else:
                raise ValueError(f"no such fact of an invoice: {name}")

    def order(
        self,
        number: str,
        vendor: str,
        lines: list[dict[str, Any]],
        division: str = "01",
        date: str = "-20",
        freight: Any = 0,
        tax: Any = 0,
        **columns: Any,
    ) -> Order:
        today = self.company.today(self.now)
        day = str(to_date(date, today))
        found = self.company.vendors.records[(division, vendor)]
        rows = []
        for position, each in enumerate(lines, 1):
            account = self.company.account(each["account"])
            quantity = Decimal(str(each.get("quantity", 1)))
            rows.append(
                {
                    "lineKey": f"{position:06d}",
                    "itemCode": each.get("item_code", "/MISC"),
                    "itemType": "5",
                    "itemCodeDesc": each.get("description"),
                    "quantityOrdered": str(quantity),
                    "quantityReceived": "0",
                    "quantityInvoiced": "0",
                    "unitOfMeasure": "EACH",
                    "unitCost": str(money(each["amount"]) / quantity),
                    "extensionAmt": show(money(each["amount"])),
                    "purchasesAcctKey": account.account_key,
                    "account": account.number,
                    "requiredDate": day,
                    "jobNo": None,
                    "commentText": None,
                }
            )
        total = sum((money(each["amount"]) for each in lines), Decimal("0.00"))
        values = {
            "purchaseOrderDate": day,
            "orderType": "S",
            "orderStatus": "O",
            "purchaseName": found.name,
            **{"purchase" + name[0].upper() + name[1:]: found.values[name] for name in ADDRESS},
            "shipToName": self.company.name,
            "shipToCity": "Dayton",
            "shipToState": "OH",
            "shipToZipCode": "45402",
            "onHold": False,
            "termsCode": found.values["termsCode"],
            "warehouseCode": "001",
            "requiredExpireDate": day,
            "confirmTo": None,
            "comment": None,
            "taxableAmt": "0.00",
            "nonTaxableAmt": show(total),
            "salesTaxAmt": show(money(tax)),
            "freightAmt": show(money(freight)),
            "prepaidAmt": "0.00",
            "invoicedAmt": "0.00",
            "receivedAmt": "0.00",
            "lastInvoiceNo": None,
        }
        unknown = columns.keys() - values.keys()
        if unknown:
            raise ValueError(f"no such purchase order columns: {sorted(unknown)}")
        return Order(number, division, vendor, {**values, **columns}, rows, self.stamp())

    def generate(self, vendors: int, invoices: int, seed: int, most_lines: int) -> dict[str, Any]:
        """Stamps lie in the past, in the order of the numbers, a few minutes apart at most."""
        rng = random.Random(seed)
        active = [each for each in self.company.accounts if each.status == "A" and each.type in ("12", "13")]
        first = self.company.next("generated") * 100_000  # up to nine runs fit the seven characters
        makers = [
            self.vendor(
                f"G{first + number:06d}",
                f"Generated Supplier {number:05d}",
                addressLine1=f"{number + 1} Market St",
                city="Columbus",
                state="OH",
                zipCode=f"{43000 + number % 999:05d}",
                countryCode="USA",
                created="-90",
            )
            for number in range(vendors)
        ]
        self.company.vendors.put_all(makers)
        today, span = self.company.today(self.now), timedelta(days=30) / max(invoices, 1)
        made = []
        for number in range(invoices):
            vendor = makers[rng.randrange(vendors)]
            lines = [
                Line(
                    rng.choice(active).account_key, Decimal(rng.randrange(500, 500_000)).scaleb(-2), f"Line {position}"
                )
                for position in range(1, rng.randint(1, most_lines) + 1)
            ]
            total = sum((line.amount for line in lines), Decimal("0.00"))
            day = today - timedelta(days=rng.randrange(1, 31))
            stamp = self.stamp(created=self.now - timedelta(days=30) + span * number)
            due = day + timedelta(days=30)
            number_text = f"GEN-{first + number:07d}"
            made.append(
                Invoice(
                    vendor.division, vendor.number, number_text, "posted", day, lines, stamp, total, total, due,
                    posted_date=day, terms="03", comment="Generated",
                )
            )  # fmt: skip
        self.company.invoices.put_all(made)
        return {"vendors": vendors, "invoices": invoices}


ADDRESS = ("addressLine1", "addressLine2", "addressLine3", "city", "state", "zipCode", "countryCode")
