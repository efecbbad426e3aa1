"""What a comparison found: counts, totals, and every difference in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import TextChoices

from connectors.domain import CENT
from connectors.ports import BadRecord
from integrations.engine.sync import Trouble

ZERO = Decimal(0)
#: Always told, even when 0. `unmatched_*` are the cloud's own records, which are no difference.
COUNTS = (
    "accounts",
    "vendors",
    "bills",
    "payments",
    "payments_in_transit",
    "unmatched_target_vendors",
    "unmatched_target_bills",
)


class Kind(TextChoices):
    """`source` and `target` are the integration's two sides: the ledger and the payment cloud."""

    MISSING_IN_TARGET = "missing_in_target", "payable in the ledger, no bill in the cloud"
    MISSING_IN_SOURCE = "missing_in_source", "unpaid in the cloud, not open in the ledger"
    AMOUNT = "amount", "amounts differ"
    ON_HOLD = "on_hold", "held in the ledger, but live and unpaid in the cloud"
    ARCHIVED = "archived", "archived in the cloud, although payable"
    NUMBER = "number", "document numbers differ"
    UNLINKED = "unlinked", "the cloud has a bill of this number that is not ours"
    REFUSED = "refused", "posting was refused"
    DUPLICATE = "duplicate", "two live bills with one number"
    VENDOR_MISSING = "vendor_missing", "vendor is on one side only"
    VENDOR_INACTIVE = "vendor_inactive", "linked vendor is inactive on one side"
    VENDOR_NAME = "vendor_name", "names of a linked vendor differ"
    ACCOUNT_MISSING = "account_missing", "mapped account is gone"
    ACCOUNT_INACTIVE = "account_inactive", "mapped account is inactive"
    MAPPING_UNRESOLVED = "mapping_unresolved", "mapping row means nothing"
    PAYMENT_MISSING = "payment_missing", "paid in the cloud, not entered in the ledger"
    PAYMENT_AMOUNT = "payment_amount", "a payment's amounts differ"
    PAYMENT_NOT_PAID = "payment_not_paid", "entered in the ledger, not paid in the cloud"
    PAYMENT_UNKNOWN = "payment_unknown", "entered in the ledger, unknown to the cloud"
    PAYMENT_VOIDED = "payment_voided", "voided in the cloud, still entered in the ledger"
    VOIDED_AFTER_POSTING = "voided_after_posting", "voided in the cloud, posted in the ledger"
    UNREADABLE = "unreadable", "record cannot be read"
    CONTENT = "content", "an item says something else"


@dataclass(frozen=True, slots=True)
class Difference:
    """`source` and `target`: what each side says, as text; `difference`: source less target, "" without amounts."""

    kind: Kind
    document: str
    key: str
    source: str = ""
    target: str = ""
    difference: str = ""
    message: str = ""
    currency: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self) | {"kind": self.kind.value}


@dataclass(slots=True)
class Totals:
    """In one currency: `source` is what the ledger owes on invoices that may be paid, less our payments that it has
    not posted yet (`in_transit`); `target` is what the cloud still wants to pay of them."""

    source: Decimal = ZERO
    target: Decimal = ZERO
    in_transit: Decimal = ZERO

    def as_json(self, currency: str) -> dict[str, str]:
        return {
            "currency": currency,
            "source": money(self.source),
            "target": money(self.target),
            "difference": money(self.source - self.target),
            "in_transit": money(self.in_transit),
        }


@dataclass(slots=True)
class Result:
    """The outcome of one comparison.

    The two totals of a currency differ by exactly the sum of the `difference` of its bills; a document that one side
    cannot read is in neither. `unmatched` are the target's active
    vendors (`kind`, `key`, `name`) that no link leads to, which are no difference. With `trouble` the comparison is
    incomplete.
    """

    tenant: str
    integration: str
    currency: str
    labels: tuple[str, str]  # the systems' names, source and target
    compared: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(COUNTS, 0)))
    differences: list[Difference] = field(default_factory=list)
    unmatched: list[dict[str, str]] = field(default_factory=list)
    totals: dict[str, Totals] = field(default_factory=dict)  # by currency
    words: tuple[str, str] = ("Payable in", "unpaid in")  # what the totals are of, at either side
    requests: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    trouble: Trouble | None = None
    progress: Callable[[str, str, int], None] = field(default=lambda flow, what, count: None, repr=False)

    def total(self, currency: str = "") -> Totals:
        """Of a currency, "" for the tenant's own."""
        return self.totals.setdefault(currency or self.currency, Totals())

    @property
    def source_total(self) -> Decimal:
        return self.total().source

    @property
    def target_total(self) -> Decimal:
        return self.total().target

    @property
    def in_transit(self) -> Decimal:
        return self.total().in_transit

    @property
    def ok(self) -> bool:
        return not (self.differences or self.trouble)

    @property
    def exit_code(self) -> int:
        return 3 if self.trouble else 0 if self.ok else 1

    def add(
        self,
        kind: Kind,
        document: str,
        key: str,
        source: str | Decimal,
        target: str | Decimal,
        message: str,
        currency: str = "",
    ) -> None:
        """A difference; with two amounts also by how much, in a currency ("" for the tenant's own)."""
        apart = money(source - target) if isinstance(source, Decimal) and isinstance(target, Decimal) else ""
        texts = [money(each) if isinstance(each, Decimal) else each for each in (source, target)]
        self.differences.append(
            Difference(kind, document, key, texts[0], texts[1], apart, message, currency or self.currency)
        )

    def unreadable(self, bad: Iterable[BadRecord], label: str) -> None:
        for each in bad:
            self.add(Kind.UNREADABLE, each.document, each.key, "", "", f"{label}: {each.message}")

    def read(self, flow: str, count: int) -> None:
        """Tell whoever waits how many records of a flow have been read by now."""
        self.progress(flow, "read", count)

    def summary(self) -> str:
        """One line: equal or not, and what each side says is owed."""
        if self.trouble:
            trouble = self.trouble
            return (
                f"Not compared: connection {trouble.connection} does not serve us ({trouble.step}): {trouble.message}"
            )
        kinds = Counter(each.kind for each in self.differences)
        parts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        many = len(self.differences)
        verdict = f"{many} difference{'s' if many != 1 else ''} ({parts})" if many else "Both sides are equal"
        owed = " ".join(self._owed(currency, totals) for currency, totals in self._by_currency())
        return f"{verdict}. {owed}"

    def _owed(self, currency: str, totals: Totals) -> str:
        here, there = self.labels

        def shown(amount: Decimal) -> str:
            return f"{amount:,.2f} {currency}".rstrip()

        transit = f" ({shown(totals.in_transit)} paid and awaiting posting taken off)" if totals.in_transit else ""
        return (
            f"{self.words[0]} {here}: {shown(totals.source)}{transit}; {self.words[1]} {there}: "
            f"{shown(totals.target)}; "
            f"difference: {shown(totals.source - totals.target)}."
        )

    def _by_currency(self) -> list[tuple[str, Totals]]:
        """The tenant's own first."""
        self.total()
        return sorted(self.totals.items(), key=lambda pair: (pair[0] != self.currency, pair[0]))

    def as_json(self) -> dict[str, Any]:
        (_, own), *others = self._by_currency()
        data: dict[str, Any] = {
            "tenant": self.tenant,
            "integration": self.integration,
            "ok": self.ok,
            "compared": dict(self.compared),
            "totals": own.as_json(self.currency),
            "other_currencies": [totals.as_json(currency) for currency, totals in others],
            "differences": [each.as_json() for each in self.differences],
            "unmatched": self.unmatched,
            "requests": self.requests,
            "seconds": round(self.seconds, 2),
        }
        if self.trouble:
            data["error"] = asdict(self.trouble)
        return data


def money(amount: Decimal) -> str:
    """To the cent; more digits only where a system really has them."""
    return f"{amount:.2f}" if amount == amount.quantize(CENT) else f"{amount:f}"
