"""What people do in Sage's own screens: POST /_sandbox/actions/<name> with the parameters as JSON.

Amounts are numbers, dates `yyyy-MM-dd`. Bodies pass the same rules as the API's; what the books do not allow is
answered 400. Every action works in the first company unless `company` names another.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from typing import Any, TypeVar

from .batches import NAME as BATCHES
from .batches import Batches
from .build import generated_invoices, invoice_body, put_account, vendor_body
from .company import Company, OptionalField, Site
from .masters import Resource
from .posting import PostInvoices
from .schema import Row, check
from .server import Server

F = TypeVar("F", bound=Callable[..., Any])
PERSON = "JSMITH"  # the accountant who works in the screens


def locked(function: F) -> F:
    @functools.wraps(function)
    def guarded(self: Server, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return function(self, *args, **kwargs)

    return guarded  # type: ignore[return-value]


class Actions(Server):
    def company(self, code: str = "") -> Company:
        return self.companies[code or next(iter(self.companies))]

    def resource(self, name: str, company: str = "") -> Resource:
        return self.resources[self.company(company).code][name]

    def batches(self, company: str = "") -> Batches:
        found = self.resource(BATCHES, company)
        assert isinstance(found, Batches)
        return found

    def posting(self, company: str = "") -> PostInvoices:
        found = self.resource("APPostInvoices", company)
        assert isinstance(found, PostInvoices)
        return found

    # --- batches -----------------------------------------------------------------------------------

    @locked
    def do_lock_batch(self, batch: int, company: str = "") -> Row:
        """Somebody opens the batch in A/P Invoice Entry."""
        self.company(company).locked.add(self.company(company).batch(batch)["BatchNumber"])
        return {"batch": batch}

    @locked
    def do_unlock_batch(self, batch: int, company: str = "") -> Row:
        self.company(company).locked.discard(batch)
        return {"batch": batch}

    @locked
    def do_ready_batch(self, batch: int, company: str = "") -> Row:
        self.batches(company).make_ready(self.company(company).batch(batch))
        return {"batch": batch}

    @locked
    def do_open_batch(self, batch: int, company: str = "") -> Row:
        """Back from ReadyToPost, so that it can be edited."""
        row = self.company(company).batch(batch)
        if row["BatchStatus"] == "ReadyToPost":
            self.batches(company).store({**row, "BatchStatus": "Open"})
        return {"batch": batch, "status": self.company(company).batch(batch)["BatchStatus"]}

    @locked
    def do_print_batch(self, batch: int, company: str = "") -> Row:
        self.company(company).batch(batch)["BatchPrintedFlag"] = "Yes"
        return {"batch": batch}

    @locked
    def do_post_batch(self, batch: int, company: str = "") -> Row:
        """Ready it if it is open, and post."""
        batches, books = self.batches(company), self.company(company)
        if books.batch(batch)["BatchStatus"] == "Open":
            batches.make_ready(books.batch(batch))
        self.posting(company).start(batch)
        row = books.batch(batch)
        return {"batch": batch, "status": row["BatchStatus"], "errors": row.get("NumberOfErrors", 0)}

    @locked
    def do_edit_entry(self, batch: int, entry: int, changes: Row, company: str = "") -> Row:
        """`changes` are properties of the invoice, details by LineNumber; the batch must be open."""
        return self._edit(
            batch, {"Invoices": [{"EntryNumber": entry, **changes, "UpdateOperation": "Update"}]}, company
        )

    @locked
    def do_delete_entry(self, batch: int, entry: int, company: str = "") -> Row:
        return self._edit(batch, {"Invoices": [{"EntryNumber": entry, "UpdateOperation": "Delete"}]}, company)

    @locked
    def do_delete_batch(self, batch: int, company: str = "") -> Row:
        """An open batch becomes Deleted and loses its entries; their numbers are free again."""
        batches = self.batches(company)
        row = batches.edited(self.company(company).batch(batch), {})
        batches.store({**row, "BatchStatus": "Deleted", "Invoices": []})
        return {"batch": batch}

    @locked
    def do_fix_errors(self, batch: int, company: str = "") -> Row:
        """Remove what keeps the entries of an open batch from posting: vendors and accounts become active, their
        periods open, totals what the details come to. Post it with `post_batch`."""
        books, row = self.company(company), self.company(company).batch(batch)
        changes = []
        for each in row["Invoices"]:
            books.tables["APVendors"][(each["VendorNumber"],)]["Status"] = "Active"
            for line in each["InvoiceDetails"]:
                books.tables["GLAccounts"][(line["GLAccount"],)].update(Status="Active", PostToAccount="Detail")
            self._period(each["FiscalYear"], int(each["FiscalPeriod"]), "Open", books)
            total = each["DistributedTotalIncludingTax"]
            changes.append({"EntryNumber": each["EntryNumber"], "DocumentTotalIncludingTax": total})
        return self._edit(batch, {"Invoices": changes}, company)

    def _edit(self, batch: int, body: Row, company: str) -> Row:
        batches = self.batches(company)
        row = batches.edited(self.company(company).batch(batch), check(batches.shape, body))
        batches.store(row)
        return {"batch": batch, "entries": row["NumberOfEntries"]}

    @locked
    def do_add_invoice(
        self,
        vendor: str,
        document: str,
        lines: list[tuple[str, Any]],
        day: str = "",
        description: str = "Entered by hand",
        status: str = "Open",
        batch: int = 0,
        company: str = "",
        **more: Any,
    ) -> Row:
        """An accountant's own invoice, in a batch of its own or added to the open `batch`.

        lines: [account, amount]; `total`, `document_type` and properties of the invoice may follow. status: Open,
        ReadyToPost or Posted.
        """
        batches = self.batches(company)
        entry = invoice_body(vendor, document, lines, day or self.today().isoformat(), **more)
        if batch:
            return self._edit(batch, {"Invoices": [{**entry, "UpdateOperation": "Insert"}]}, company)
        row = batches.insert({"Description": description, "Invoices": [entry]}, PERSON)
        if status != "Open":
            batches.make_ready(row)
        if status == "Posted":
            self.posting(company).start(row["BatchNumber"])
        return {"batch": row["BatchNumber"], "entry": 1}

    @locked
    def do_clear_history(self, company: str = "") -> Row:
        """Paid documents and posted batches vanish (docs: sage300 14.25)."""
        books, batches = self.company(company), self.batches(company)
        paid = [key for key, row in books.tables["APPostedDocuments"].items() if row["FullyPaid"] == "Yes"]
        for key in paid:
            del books.tables["APPostedDocuments"][key]
        for row in [each for each in books.tables[BATCHES].values() if each["BatchStatus"] == "Posted"]:
            batches.store({**row, "Invoices": []})
            del books.tables[BATCHES][(row["BatchNumber"],)]
        return {"documents": len(paid)}

    @locked
    def do_pay(self, vendor: str, document: str, company: str = "") -> Row:
        """Somebody pays a posted document in full."""
        books = self.company(company)
        row = books.tables["APPostedDocuments"][(vendor, document)]
        holder = books.tables["APVendors"][(vendor,)]
        holder["BalanceDueInVendorCurrency"] -= row["VendorCurrencyAmountDue"]
        holder["NumberOfOpenInvoices"] -= 1
        row.update(FullyPaid="Yes", VendorCurrencyAmountDue=Decimal(0))
        return {"vendor": vendor, "document": document}

    # --- masters -----------------------------------------------------------------------------------

    @locked
    def do_add_vendor(self, vendor: str, name: str, group: str = "TRADE", company: str = "", **more: Any) -> Row:
        row = self.resource("APVendors", company).insert(vendor_body(vendor, name, group, **more), PERSON)
        return {"vendor": row["VendorNumber"]}

    @locked
    def do_set_vendor(self, vendor: str, company: str = "", **changes: Any) -> Row:
        """Properties by their API names: Status, OnHold, GroupCode, Terms, ..."""
        self.resource("APVendors", company).patch((vendor,), changes)
        return {"vendor": vendor}

    @locked
    def do_delete_vendor(self, vendor: str, company: str = "") -> Row:
        self.resource("APVendors", company).delete((vendor,))
        return {"vendor": vendor}

    @locked
    def do_set_account(self, account: str, description: str = "", company: str = "", **changes: Any) -> Row:
        """Change or add a G/L account: Status, PostToAccount, ControlAccount, ... by their API names."""
        books = self.company(company)
        old = books.get("GLAccounts", account) or {"Description": description or account}
        shape = self.resource("GLAccounts", company).shape
        facts = {name: value for name, value in old.items() if name not in ("UnformattedAccount", "Description")}
        put_account(books, account, description or old["Description"], **{**facts, **check(shape, changes)})
        return {"account": account}

    @locked
    def do_set_group(self, group: str, company: str = "", **changes: Any) -> Row:
        self.resource("APVendorGroups", company).patch((group,), changes)
        return {"group": group}

    @locked
    def do_close_period(self, year: Any, period: int, company: str = "") -> Row:
        self._period(str(year), period, "Locked", self.company(company))
        return {"year": str(year), "period": period}

    @locked
    def do_open_period(self, year: Any, period: int, company: str = "") -> Row:
        self._period(str(year), period, "Open", self.company(company))
        return {"year": str(year), "period": period}

    def _period(self, year: str, period: int, status: str, books: Company) -> None:
        books.tables["CSFiscalCalendars"][(year,)][f"FiscalPeriod{period}Status"] = status

    @locked
    def do_define_optional_field(
        self, name: str, where: str = "invoice", type: str = "Text", required: bool = False, company: str = ""
    ) -> Row:
        """where: vendor, invoice or detail."""
        self.company(company).optional_fields.append(OptionalField(name, where, type, required))
        return {"name": name}

    @locked
    def do_set_option(self, **options: Any) -> Row:
        """Change how the site is set up or answers: the fields of `company.Site` and `server.Front`."""
        for name, value in options.items():
            holder = self.site if name in {each.name for each in fields(Site)} else self.front
            if not hasattr(holder, name):
                raise ValueError(f"no such option: {name}")
            setattr(holder, name, float(value) if isinstance(value, Decimal) else value)
        return options

    # --- many at once ------------------------------------------------------------------------------

    @locked
    def do_generate(
        self,
        vendors: int = 10,
        invoices: int = 100,
        batch_size: int = 50,
        status: str = "Posted",
        seed: int = 300,
        most_lines: int = 4,
        company: str = "",
    ) -> Row:
        """`vendors` GEN... and their `invoices`, in batches of an accountant. status: Open, ReadyToPost, Posted."""
        books, batches = self.company(company), self.batches(company)
        first = sum(key[0].startswith("GEN") for key in books.tables["APVendors"])
        numbers = [f"GEN{first + each:06d}" for each in range(vendors)]
        for number in numbers:
            self.do_add_vendor(number, f"Generated Supplier {number[3:]}", company=company)
        entries = generated_invoices(books, numbers, invoices, seed, most_lines, f"GEN-{books.last_batch:04d}-")
        for start in range(0, len(entries), batch_size):
            body = {"Description": "Generated", "Invoices": entries[start : start + batch_size]}
            row = batches.insert(body, PERSON)
            if status != "Open":
                batches.make_ready(row)
            if status == "Posted":
                self.posting(company).start(row["BatchNumber"])
        return {"vendors": numbers, "invoices": len(entries)}

    def snapshot(self, company: str = "") -> Row:
        """The company's rows as lists, for assertions: stored properties only, no blanks."""
        tables = self.company(company).tables
        names = {
            "vendors": "APVendors",
            "batches": BATCHES,
            "posted": "APPostedDocuments",
            "errors": "APPostingErrorMessages",
            "accounts": "GLAccounts",
        }
        books = {key: list(tables[name].values()) for key, name in names.items()}
        return {**books, "authors": {str(batch): user for batch, user in self.company(company).authors.items()}}
