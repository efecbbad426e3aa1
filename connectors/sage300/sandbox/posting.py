"""Posting: ready batches in a range, entries with errors into a new batch, the rest posted (docs: sage300 7.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from .batches import NAME, Batches
from .company import Company
from .masters import Resource
from .refusals import Refusal, field, say
from .schema import Row, check, wire

ONE_BY_ONE = "Donotpostallbatches"
# What a posted document takes over from its entry.
CARRIED = (
    *("VendorNumber", "DocumentNumber", "DocumentType", "BatchNumber", "EntryNumber", "DocumentDate", "DueDate"),
    *("PostingDate", "FiscalYear", "FiscalPeriod", "OrderNumber", "PONumber", "Terms", "CurrencyCode"),
)
NEEDED = ("ProcessAllBatches", "FromBatch", "ToBatch")


class PostInvoices(Resource):
    """`AP/APPostInvoices`. counts: `post_all` attempts, `posted_foreign` batches of other users, `posted`."""

    def __init__(self, company: Company, batches: Batches, now: Callable[[], float], counts: Counter[str]) -> None:
        super().__init__(company, "APPostInvoices")
        self.batches = batches
        self.now = now
        self.counts = counts

    def template(self) -> Row:
        return {"ProcessAllBatches": ONE_BY_ONE}

    def process(self, body: Any, user: str) -> None:
        """Post the ready, unlocked batches of the range; the others are skipped without a word."""
        given = check(self.shape, body)
        for name in NEEDED:
            if name not in given:
                raise field("required", field=name)
        everything = given["ProcessAllBatches"] != ONE_BY_ONE
        self.counts["post_all"] += everything
        for batch in [self.company.batch(key[0]) for key in sorted(self.company.tables[NAME])]:
            number = batch["BatchNumber"]
            wanted = everything or given["FromBatch"] <= number <= given["ToBatch"]
            if wanted and batch["BatchStatus"] == "ReadyToPost" and number not in self.company.locked:
                self.counts["posted_foreign"] += self.company.authors[number] != user
                self.start(number)

    # --- also a person's -----------------------------------------------------------------------------

    def start(self, number: int) -> None:
        """Post a ready batch, now or when `Site.posting_seconds` have passed."""
        batch = self.company.batch(number)
        if self.company.site.force_listing and batch.get("BatchPrintedFlag") != "Yes":
            raise Refusal("General", "force_listing", batch=number)
        if self.company.site.posting_seconds:
            self.company.posting[number] = self.now() + self.company.site.posting_seconds
            self.batches.store({**batch, "BatchStatus": "PostInProgress"})
        else:
            self.finish(number)

    def finish_due(self) -> None:
        for number in [each for each, due in self.company.posting.items() if due <= self.now()]:
            del self.company.posting[number]
            self.finish(number)

    def finish(self, number: int) -> None:
        self.company.last_posting += 1
        sequence, batch = self.company.last_posting, self.company.batch(number)
        problems = {each["EntryNumber"]: self.problem(each) for each in batch["Invoices"]}
        good = [each for each in batch["Invoices"] if not problems[each["EntryNumber"]]]
        failed = [each for each in batch["Invoices"] if problems[each["EntryNumber"]]]
        posted = {"BatchStatus": "Posted", "PostingSequenceNumber": sequence, "NumberOfErrors": len(failed)}
        self.batches.store({**batch, **posted, "Invoices": good})
        for each in good:
            self._post(each, sequence)
        for position, each in enumerate(failed, 1):
            self._report(each, sequence, position, problems[each["EntryNumber"]])
        if failed:
            self._divert(batch, failed)
        self.counts["posted"] += 1

    def problem(self, entry: Row) -> str:
        """Why the entry does not post, "" when it does. The world may have changed since it was entered."""
        company, language = self.company, self.company.site.language
        if entry["UndistributedAmount"]:
            return say(language, "unbalanced", amount=entry["UndistributedAmount"])
        if not entry["InvoiceDetails"]:
            return say(language, "no_details")
        if company.is_locked(entry["FiscalYear"], int(entry["FiscalPeriod"])):
            return say(language, "period_locked", period=f"{entry['FiscalYear']}-{entry['FiscalPeriod']}")
        try:
            company.need("APVendors", "VendorNumber", entry["VendorNumber"])
            for line in entry["InvoiceDetails"]:
                company.need_account(line["GLAccount"], entry["CurrencyCode"])
        except Refusal as refusal:
            return say(language, refusal.text, **refusal.values)
        return ""

    def _post(self, entry: Row, sequence: int) -> None:
        amount = entry["DocumentTotalIncludingTax"]
        document = {
            **{name: entry[name] for name in CARRIED if name in entry},
            "PostingSequenceNumber": sequence,
            "DocumentDescription": entry.get("InvoiceDescription", ""),
            "GroupCode": entry["VendorGroupCode"],
            "VendorCurrencyInvoiceAmount": amount,
            "VendorCurrencyAmountDue": amount,
            "FullyPaid": "No",
        }
        self.company.put("APPostedDocuments", document)
        vendor = self.company.need("APVendors", "VendorNumber", entry["VendorNumber"])
        signed = -amount if entry["DocumentType"] in ("CreditNote", "DebitNote") else amount
        vendor["BalanceDueInVendorCurrency"] = vendor.get("BalanceDueInVendorCurrency", Decimal(0)) + signed
        vendor["NumberOfOpenInvoices"] = vendor.get("NumberOfOpenInvoices", 0) + 1
        vendor["DateOfLastActivity"] = wire(self.company.today())

    def _report(self, entry: Row, sequence: int, position: int, message: str) -> None:
        row = {
            "PostingSequenceNumber": sequence,
            "ErrorSequenceNumber": position,
            **{name: entry[name] for name in ("BatchNumber", "EntryNumber", "VendorNumber", "DocumentNumber")},
            "Message": message,
        }
        self.company.put("APPostingErrorMessages", row)

    def _divert(self, origin: Row, failed: list[Row]) -> None:
        """A new open batch whose entries point back to where they came from (docs: sage300 15b)."""
        number = self.company.last_batch + 1
        self.company.last_batch = number
        header = self.batches.header(origin, number)
        moved = [self._moved(each, number, position) for position, each in enumerate(failed, 1)]
        author = self.company.authors[origin["BatchNumber"]]
        self.batches.store({**header, "Invoices": moved, "LastEntryNumber": len(moved)}, author)

    def _moved(self, entry: Row, batch: int, position: int) -> Row:
        place = {"BatchNumber": batch, "EntryNumber": position}
        back = {"ErrorBatch": entry["BatchNumber"], "ErrorEntry": entry["EntryNumber"]}
        rows = {
            name: [{**each, **place} for each in entry.get(name, ())]
            for name in ("InvoiceDetails", "InvoicePaymentSchedules", "InvoiceOptionalFields")
        }
        return {**entry, **rows, **place, **back}
