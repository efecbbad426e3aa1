"""A/P invoice batches: numbering, entries by UpdateOperation, status, locks, duplicates (docs: sage300 7)."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

from .company import Company, Key
from .entries import Entries
from .masters import Resource
from .refusals import Refusal, field
from .schema import Row, wire

NAME = "APInvoiceBatches"
CLIENT_STATUS = ("Open", "ReadyToPost")
HEADER = ("BatchDate", "Description")


class Batches(Resource):
    def __init__(self, company: Company) -> None:
        super().__init__(company, NAME)
        self.entries = Entries(company)

    # --- the API -----------------------------------------------------------------------------------

    def insert(self, body: Any, user: str) -> Row:
        """A new Open batch; set to ReadyToPost afterwards, as the framework does (docs: sage300 7.6)."""
        given = self.read(body)
        wanted = _wanted(given)
        row = self._new(given, user)
        if wanted == "ReadyToPost" and self.company.site.patch:
            self.make_ready(row)
        return row

    def insert_partly(self, body: Any, user: str, entries: int) -> None:
        """What a failing POST may leave behind: an open batch with the first few `entries` (docs: sage300 7.2)."""
        given = self.read(body)
        self._new({**given, "Invoices": given.get("Invoices", [])[:entries]}, user)

    def _new(self, given: Row, user: str) -> Row:
        row = self.header(given, self.company.last_batch + 1)
        self._take_entries(row, given.get("Invoices", []), user)
        self.company.last_batch = row["BatchNumber"]
        return self.store(row, user)

    def patch(self, key: Key, body: Any) -> None:
        row, given = self.find(key), self.read(body)
        self.changed_key(key, given)
        wanted = _wanted(given)
        if row["BatchNumber"] in self.company.locked:
            text = "locked_ready" if wanted == "ReadyToPost" else "locked_edit"
            raise Refusal("General", text, batch=row["BatchNumber"])
        if row["BatchStatus"] == "ReadyToPost":
            if wanted != "Open" or given.keys() - {"BatchStatus", "BatchNumber", "UpdateOperation"}:
                raise Refusal("General", "status", status="ReadyToPost")
            self.store({**row, "BatchStatus": "Open"})
            return
        changed = self.edited(row, given)
        if wanted == "ReadyToPost":
            self.make_ready(changed)
        else:
            self.store(changed)

    # --- also a person's, in Sage's screens ----------------------------------------------------------

    def header(self, given: Row, number: int) -> Row:
        today = wire(self.company.today())
        return {
            "BatchNumber": number,
            "BatchDate": given.get("BatchDate") or today,
            "Description": given.get("Description", ""),
            "BatchType": "Entered",
            "BatchStatus": "Open",
            "SourceApplication": "AP",
            "LastEntryNumber": 0,
            "Invoices": [],
        }

    def edited(self, row: Row, given: Row) -> Row:
        """The open batch `row` with `given` applied. Raises Refusal when it is not open."""
        if row["BatchStatus"] != "Open":
            raise Refusal("General", "status", status=row["BatchStatus"])
        changed = copy.deepcopy(row)
        changed.update({name: given[name] for name in HEADER if given.get(name) is not None})
        author = self.company.authors[row["BatchNumber"]]
        self._take_entries(changed, given.get("Invoices", []), author, numbered=True)
        changed["BatchPrintedFlag"] = "No"
        return changed

    def make_ready(self, row: Row) -> None:
        if not row["Invoices"]:
            raise Refusal("General", "empty_batch", batch=row["BatchNumber"])
        self.store({**row, "BatchStatus": "ReadyToPost"})

    def store(self, row: Row, author: str = "") -> Row:
        """File the batch: its totals, its documents in the index of numbers in use."""
        number, company = row["BatchNumber"], self.company
        old = company.get(NAME, number)
        for each in (old or {}).get("Invoices", ()):
            company.entered.pop((each["VendorNumber"], each["DocumentNumber"]), None)
        for each in row["Invoices"]:
            company.entered[each["VendorNumber"], each["DocumentNumber"]] = (number, each["EntryNumber"])
        row["NumberOfEntries"] = len(row["Invoices"])
        row["BatchTotal"] = sum((each["DocumentTotalIncludingTax"] for each in row["Invoices"]), Decimal(0))
        row["DateLastEdited"] = wire(company.today())
        if author:
            company.authors[number] = author
        return company.put(NAME, row)

    # --- entries -----------------------------------------------------------------------------------

    def _take_entries(self, row: Row, given: list[Row], user: str, numbered: bool = False) -> None:
        """Apply the given entries to `row`; in a new batch their numbers mean nothing (`numbered` False)."""
        entries = {each["EntryNumber"]: each for each in row["Invoices"]}
        for each in given:
            number = each.get("EntryNumber", 0) if numbered else 0
            operation = each.get("UpdateOperation", "Unspecified") if numbered else "Insert"
            if operation in ("Update", "Delete") and number not in entries:
                raise Refusal("RecordInvalid", "no_row", what="EntryNumber", key=number)
            if operation == "Delete":
                del entries[number]
                continue
            if number in entries and operation != "Insert":
                made = self.entries.apply(entries[number], each)
            else:
                number = row["LastEntryNumber"] + 1
                made = self.entries.new(each, number, row, user)
                row["LastEntryNumber"] = number
            entries[number] = made
            self._check_similar(made)
        row["Invoices"] = [entries[number] for number in sorted(entries)]
        self._check_numbers(row)

    def _check_numbers(self, row: Row) -> None:
        """A vendor's document number is used once, posted or not (docs: sage300 7.5, 15.16)."""
        seen: set[tuple[str, str]] = set()
        for each in row["Invoices"]:
            vendor, number = key = (each["VendorNumber"], each["DocumentNumber"])
            batch, _ = self.company.entered.get(key, (row["BatchNumber"], 0))
            if key in seen or batch != row["BatchNumber"] or self.company.get("APPostedDocuments", *key):
                raise field("document_exists", number=number, vendor=vendor)
            seen.add(key)

    def _check_similar(self, made: Row) -> None:
        """The vendor's own checks for another document of the same amount or date; warnings pass [assumed]."""
        vendor = self.company.get("APVendors", made["VendorNumber"]) or {}
        checks = {"DuplicateAmountCode": "DocumentTotalIncludingTax", "DuplicateDateCode": "DocumentDate"}
        for code, name in checks.items():
            if vendor.get(code) == "Error" and any(each[name] == made[name] for each in self._others(made)):
                raise field("similar", vendor=made["VendorNumber"], what=name)

    def _others(self, made: Row) -> list[Row]:
        return [
            each
            for batch in self.table.values()
            for each in batch["Invoices"]
            if each["VendorNumber"] == made["VendorNumber"] and each["DocumentNumber"] != made["DocumentNumber"]
        ]


def _wanted(given: Row) -> str:
    """The status the client asks for, "" for none. Clients say Open or ReadyToPost (docs: sage300 15.20)."""
    wanted: str = given.get("BatchStatus", "")
    if wanted and wanted not in CLIENT_STATUS:
        raise field("client_status", status=wanted)
    return wanted
