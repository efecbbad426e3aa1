"""What people do in Sage's own screens, under /_sandbox/actions/<name> and as methods.

Every action takes `company` ("ABC"); invoices are named by `division`, `vendor`, `invoice`. Amounts are text or
numbers, dates are ISO text or days from today ("-12").
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from connectors.sage100.sandbox import batches, payments
from connectors.sage100.sandbox.agent import Agent
from connectors.sage100.sandbox.build import Builder, json_safe
from connectors.sage100.sandbox.invoices import render as render_invoice
from connectors.sage100.sandbox.ledger import render_account, render_order
from connectors.sage100.sandbox.model import ZERO, Applied, Company, Invoice, Payment
from connectors.sage100.sandbox.stamps import Stamp
from connectors.sage100.sandbox.vendors import render as render_vendor
from connectors.sage100.sandbox.wire import encode_id, money, to_date

F = TypeVar("F", bound=Callable[..., Any])


def action(function: F) -> F:
    @wraps(function)
    def locked(self: Agent, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return function(self, *args, **kwargs)

    return locked  # type: ignore[return-value]


class Actions(Agent):
    def _build(self, company: str) -> Builder:
        return Builder(self.companies[company], self.now())

    # --- vendors and accounts ----------------------------------------------------------------------

    @action
    def do_add_vendor(self, company: str = "ABC", **facts: Any) -> dict[str, Any]:
        """division, vendor, name, terms, remit_to; every other column by its wire name."""
        build = self._build(company)
        return render_vendor(build.company, build.company.vendors.put(build.vendor(**facts)))

    @action
    def do_change_vendor(self, division: str, vendor: str, company: str = "ABC", **columns: Any) -> dict[str, Any]:
        """Columns by their wire names (vendorName, vendorStatus, zipCode, ...), `remit_to` as an object."""
        books = self.companies[company]
        found = books.vendors.records[(division, vendor)]
        found.remit_to = columns.pop("remit_to", found.remit_to)
        unknown = columns.keys() - found.values.keys()
        if unknown:
            raise ValueError(f"no such vendor columns: {sorted(unknown)}")
        found.values.update(columns)
        found.stamp.touch(self.now())
        return render_vendor(books, books.vendors.put(found))

    @action
    def do_hold_vendor(self, division: str, vendor: str, hold: bool = True, company: str = "ABC") -> dict[str, Any]:
        """Moves the vendor's stamp and that of none of its invoices."""
        return self.do_change_vendor(division, vendor, company, holdPayment=hold)

    @action
    def do_add_account(self, company: str = "ABC", **facts: Any) -> dict[str, Any]:
        """codes (one per segment) or account "5010-01-00"; description, type, status, account_key."""
        build = self._build(company)
        return render_account(build.company, build.company.accounts.put(build.account(**facts)))

    @action
    def do_set_account_status(self, account: str, status: str, company: str = "ABC") -> dict[str, Any]:
        books = self.companies[company]
        found = books.account(account)
        found.status = status
        found.stamp.touch(self.now())
        return render_account(books, books.accounts.put(found))

    @action
    def do_set_terms(self, code: str, description: str, days: int = 30, company: str = "ABC") -> None:
        self.companies[company].terms[code] = (description, int(days))

    @action
    def do_add_purchase_order(self, company: str = "ABC", **facts: Any) -> dict[str, Any]:
        """number, division, vendor, lines [{account, amount, description}]; header columns by their wire names."""
        build = self._build(company)
        return render_order(build.company.orders.put(build.order(**facts)))

    # --- invoices ----------------------------------------------------------------------------------

    @action
    def do_add_invoice(self, company: str = "ABC", **facts: Any) -> dict[str, Any]:
        """division, vendor, invoice, amount or lines; see `Builder.invoice` for the rest."""
        build = self._build(company)
        return render_invoice(build.company, build.company.invoices.put(build.invoice(**facts)))

    @action
    def do_change_invoice(
        self, division: str, vendor: str, invoice: str, state: str = "posted", company: str = "ABC", **facts: Any
    ) -> dict[str, Any]:
        """Any of due_date, discount_date, comment, terms, purchase_order_no, hold, balance, in_open, lines, freight,
        tax, amount (one line). New lines move the balance by the difference. Moves the stamp."""
        build = self._build(company)
        found = build.company.invoice(division, vendor, invoice, state)
        build.change(found, facts)
        return self._touched(build.company, found)

    @action
    def do_hold_invoice(
        self, division: str, vendor: str, invoice: str, hold: bool = True, company: str = "ABC"
    ) -> dict[str, Any]:
        found = self.companies[company].invoice(division, vendor, invoice)
        found.hold = hold
        return self._touched(self.companies[company], found)

    @action
    def do_select_for_payment(
        self, division: str, vendor: str, invoice: str, selected: bool = True, company: str = "ABC"
    ) -> dict[str, Any]:
        """Sage's own check run picks it (or drops it): no stamp moves."""
        found = self.companies[company].invoice(division, vendor, invoice)
        found.selected = selected
        return render_invoice(self.companies[company], found)

    @action
    def do_adjust_invoice(
        self,
        division: str,
        vendor: str,
        invoice: str,
        amount: Any,
        account: str = "",
        description: str = "Adjustment",
        company: str = "ABC",
    ) -> dict[str, Any]:
        """A posted adjustment: one more history header, whose line is merged; amount and balance move."""
        build = self._build(company)
        found = build.company.invoice(division, vendor, invoice)
        header = max(line.header for line in found.lines) + 1
        account = account or found.lines[0].account_key
        found.lines.append(build.line({"account": account, "amount": amount, "description": description}, header))
        found.amount += money(amount)
        found.balance += money(amount)
        return self._touched(build.company, found)

    @action
    def do_post_invoice(self, division: str, vendor: str, invoice: str, company: str = "ABC") -> dict[str, Any]:
        """The invoice register update: the entry disappears, the open invoice appears under its own id."""
        books = self.companies[company]
        found = books.invoices.remove(books.invoice(division, vendor, invoice, "entry").key)
        found.state, found.balance, found.posted_date = "posted", found.amount, books.today(self.now())
        found.stamp = Stamp.at(books.zone, self.now())
        return render_invoice(books, books.invoices.put(found))

    def _touched(self, books: Company, invoice: Invoice) -> dict[str, Any]:
        invoice.stamp.touch(self.now())
        return render_invoice(books, books.invoices.put(invoice))

    # --- payments ----------------------------------------------------------------------------------

    @action
    def do_pay_in_sage(
        self,
        division: str,
        vendor: str,
        invoice: str,
        amount: Any = None,
        discount: Any = 0,
        check_no: str | None = None,
        bank: str = "A",
        method: str = "CHECK",
        date: str = "0",
        posted: bool = True,
        vanish: bool = False,
        touch: bool = True,
        company: str = "ABC",
    ) -> dict[str, Any]:
        """A payment made in Sage itself (`amount` default: the balance). `posted` false leaves an unposted entry,
        `vanish` leaves the invoice in history only, `touch` false moves no invoice stamp."""
        books, now = self.companies[company], self.now()
        found = books.invoice(division, vendor, invoice)
        paid = found.balance - money(discount) if amount is None else money(amount)
        today = books.today(now)
        payment = Payment(
            division=division,
            vendor=vendor,
            bank=bank,
            check_no=check_no
            or (f"{books.next('check') + 50000:010d}" if method == "CHECK" else payments.next_wire(books, bank)),
            method=method,
            payment_date=to_date(date, today) or today,
            amount=paid,
            applications=[Applied(invoice, paid, money(discount), found.balance)],
            stamp=Stamp.at(books.zone, now),
            comment="Paid in Sage",
        )
        if not posted:
            books.enter_payment(payment)
            return payments.render(books, payment)
        payment.check_seq = f"{len(books.numbered(bank, payment.check_no)) + 1:06d}"
        payment.check_type, payment.posted_date = ("A" if method == "CHECK" else "M"), today
        books.payments.put(payment)
        batches.settle(books, found, payment, now, touch=touch)
        if vanish:
            found.in_open = False
        return payments.render(books, payment)

    @action
    def do_add_batch(self, description: str = "", created_by: str = "jsmith", company: str = "ABC") -> dict[str, Any]:
        books = self.companies[company]
        return batches.render(books, payments.new_batch(books, description, created_by))

    @action
    def do_post_batch(self, batch_no: str, company: str = "ABC") -> dict[str, Any]:
        """A person prints and updates the register of one batch."""
        books = self.companies[company]
        return {"posted": batches.post_batch(books, books.batches[batch_no], self.now())}

    @action
    def do_post_all(self, company: str = "ABC") -> dict[str, Any]:
        """The register update of every open batch and of entries without one."""
        books, now = self.companies[company], self.now()
        posted = sum(batches.post_batch(books, each, now) for each in books.batches.values() if each.state != "posted")
        loose = [payment for payment in books.payments if payment.entered]
        for payment in loose:
            batches.post(books, payment, now)
        return {"posted": posted + len(loose)}

    @action
    def do_delete_entry(
        self, payment_id: str = "", client_reference: str = "", check_no: str = "", company: str = "ABC"
    ) -> dict[str, Any]:
        """A person deletes an unposted entry in Sage; the agent's journal does not know."""
        books = self.companies[company]
        for payment in books.payments:
            wanted = (encode_id("payment", *payment.key), payment.client_reference, payment.check_no)
            if payment.entered and any(
                given and given == value
                for given, value in zip((payment_id, client_reference, check_no), wanted, strict=True)
            ):
                books.remove_entry(payment)
                return {"deleted": payment.check_no}
        raise KeyError("no such unposted entry")

    @action
    def do_interrupt_journal(self, client_reference: str, company: str = "ABC") -> None:
        """As if the agent had crashed in its write: the journal says started, outcome unknown."""
        self.companies[company].journal[client_reference].key = None

    # --- the house ---------------------------------------------------------------------------------

    @action
    def do_close_period(self, year: int, month: int, closed: bool = True, company: str = "ABC") -> None:
        periods = self.companies[company].closed_periods
        (periods.add if closed else periods.discard)((int(year), int(month)))

    @action
    def do_lock_company(self, locked: bool = True, company: str = "ABC") -> None:
        """Period end or another exclusive task: 423 company_locked until unlocked."""
        self.companies[company].locked = locked

    @action
    def do_set_options(self, company: str = "ABC", **options: bool) -> dict[str, Any]:
        """batches_enabled, wires_enabled, keeps_paid, external_access of the company; allow_posting of the agent."""
        books = self.companies[company]
        for name, value in options.items():
            if name == "allow_posting":
                self.allow_posting = bool(value)
            elif name in ("batches_enabled", "wires_enabled", "keeps_paid", "external_access"):
                setattr(books, name, bool(value))
            else:
                raise ValueError(f"no such option: {name}")
        return json_safe(options)

    @action
    def do_set_boi(self, connected: bool = True, seconds: Any = 0) -> None:
        """Whether Sage answers, and how long each call occupies the company's worker."""
        self.connected, self.boi_seconds = connected, float(seconds)

    @action
    def do_generate(
        self, vendors: int = 100, invoices: int = 1000, seed: int = 1, lines: int = 4, company: str = "ABC"
    ) -> dict[str, Any]:
        """Payable posted invoices (1 to `lines` lines) over valid vendors, quickly."""
        return self._build(company).generate(int(vendors), int(invoices), int(seed), int(lines))

    # --- bulk --------------------------------------------------------------------------------------

    @action
    def load(
        self,
        vendors: list[dict[str, Any]] | None = None,
        invoices: list[dict[str, Any]] | None = None,
        accounts: list[dict[str, Any]] | None = None,
        company: str = "ABC",
    ) -> None:
        """Many records at once, each described as for `add_vendor`, `add_invoice`, `add_account`."""
        build = self._build(company)
        build.company.accounts.put_all(build.account(**each) for each in accounts or [])
        build.company.vendors.put_all(build.vendor(**each) for each in vendors or [])
        build.company.invoices.put_all(build.invoice(**each) for each in invoices or [])

    def state(self) -> dict[str, Any]:
        """The records of all companies as the agent shows them, each with its `companyCode`; invoices also tell
        `inOpenFile` and `unposted` (what entries take from the balance)."""
        found: dict[str, list[dict[str, Any]]] = {}
        for code, books in self.companies.items():
            for kind, records in _records(books).items():
                found.setdefault(kind, []).extend({"companyCode": code, **each} for each in records)
        return found


def _records(books: Company) -> dict[str, list[dict[str, Any]]]:
    return {
        "vendors": [render_vendor(books, each) for each in books.vendors],
        "invoices": [
            {
                **render_invoice(books, each),
                "inOpenFile": each.posted and each.in_open,
                "unposted": f"{books.reserved.get(each.key[:3], ZERO):.2f}",
            }
            for each in books.invoices
        ],
        "payments": [payments.render(books, each) for each in books.payments],
        "batches": [batches.render(books, each) for each in books.batches.values()],
        "accounts": [render_account(books, each) for each in books.accounts],
    }
