"""The ledger of one SAP Business One company: its entity sets, company functions, and what people do in its screens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .books import refusal, yes
from .payments import Payments
from .tables import EntitySet, Row

COMPANY_DB = "SBODemoUS"
USER = "mlconnector"
PASSWORD = "sandbox-password"  # noqa: S105 - opens nothing but this sandbox
MASTERS = {  # entity set -> type and key; read by API, kept by people
    "ChartOfAccounts": ("ChartOfAccount", "Code"),
    "AccountSegmentations": ("AccountSegmentation", "Numerator"),
    "Dimensions": ("Dimension", "DimensionCode"),
    "ProfitCenters": ("ProfitCenter", "CenterCode"),
    "DistributionRules": ("DistributionRule", "FactorCode"),
    "Projects": ("Project", "Code"),
    "Currencies": ("Currency", "Code"),
    "HouseBankAccounts": ("HouseBankAccount", "AbsoluteEntry"),
    "BusinessPlaces": ("BusinessPlace", "BPLID"),
    "PaymentTermsTypes": ("PaymentTermsType", "GroupNumber"),
    "UserFieldsMD": ("UserFieldMD", "FieldID"),
}
VERSIONS = {"9.3": 930230, "10.0": 1000190}
OPTIONS = ("approval", "branches", "bump", "future_dates", "max_documents")


class Ledger(Payments):
    """A company with reference data (`masters`), without partners and documents. Options: see `Books`.

    All amounts are Decimal, all days come from the clock. Not thread-safe: the sandbox holds its lock.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        company_db: str = COMPANY_DB,
        users: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(clock, **options)
        self.company_db = company_db
        self.users = users or {USER: PASSWORD}
        self.open_company()
        self._sets = self._entity_sets()

    # --- for the Service Layer -------------------------------------------------------------------

    def sets(self) -> dict[str, EntitySet]:
        """By exact name; the rows are the ledger's own."""
        return self._sets

    def _entity_sets(self) -> dict[str, EntitySet]:
        table = self.table
        documents = {
            name: EntitySet(name, "Document", "DocEntry", table(name), etag=True)
            for name in ("PurchaseInvoices", "PurchaseCreditNotes", "PurchaseDownPayments", "PurchaseOrders", "Drafts")
        }
        for name, each in documents.items():
            each.patch = self._patch_of(name)
        documents["PurchaseInvoices"].bound = {"Cancel": self._cancel_invoice}
        others = [
            EntitySet(
                "BusinessPartners",
                "BusinessPartner",
                "CardCode",
                table("BusinessPartners"),
                create=self.create_partner,
                patch=self.patch_partner,
                delete=self.remove_partner,
                etag=True,
            ),
            EntitySet(
                "VendorPayments",
                "Payment",
                "DocEntry",
                table("VendorPayments"),
                create=self.create_payment,
                patch=self.patch_payment,
                bound={"Cancel": self._cancel_payment, "CancelbyCurrentSystemDate": self._cancel_payment_today},
            ),
            EntitySet(
                "PaymentDrafts",
                "Payment",
                "DocEntry",
                table("PaymentDrafts"),
                delete=self.remove_payment_draft,
                bound={"SaveDraftToDocument": self._save_draft},
            ),
            EntitySet(
                "ApprovalRequests", "ApprovalRequest", "Code", table("ApprovalRequests"), patch=self.patch_request
            ),
        ]
        masters = [EntitySet(name, kind, key, table(name)) for name, (kind, key) in MASTERS.items()]
        return {**documents, **{each.name: each for each in [*others, *masters]}}

    def _patch_of(self, name: str) -> Callable[[Any, Row], None]:
        return lambda key, body: self.patch_document(name, key, body)

    def _cancel_invoice(self, key: Any) -> None:
        self.cancel_document(key)

    def _cancel_payment(self, key: Any) -> None:
        self.cancel_payment(key)

    def _cancel_payment_today(self, key: Any) -> None:
        self.cancel_payment(key, today=True)

    def _save_draft(self, key: Any) -> None:
        self.save_draft(key)

    def function(self, name: str, body: Row) -> Any:
        """The answer of a service function. Raises KeyError for one that there is not."""
        functions: dict[str, Callable[[Row], Any]] = {
            "CompanyService_GetCompanyInfo": self._company_info,
            "CompanyService_GetAdminInfo": self._admin_info,
            "SBOBobService_GetLocalCurrency": lambda body: self.local_currency,
            "SBOBobService_GetSystemCurrency": lambda body: self.local_currency,
            "SBOBobService_GetCurrencyRate": self._currency_rate,
        }
        return functions[name](body)

    def _company_info(self, body: Row) -> Row:
        return {
            "CompanyName": "Cascade Trading Inc.",
            "Version": VERSIONS[self.schema],
            "EnableAccountSegmentation": yes(self.segmentation),
            "MaxNumberOfDocumentsInPmt": self.max_documents,
            "DataOwnershipIndication": "tNO",
            "Localization": "US",
        }

    def _admin_info(self, body: Row) -> Row:
        return {
            "CompanyName": "Cascade Trading Inc.",
            "Country": "US",
            "LocalCurrency": self.local_currency,
            "SystemCurrency": self.local_currency,
            "TotalsAccuracy": 2,
            "RateAccuracy": 4,
            "AccountSegmentsSeparator": "-",
            "EnableBranches": yes(self.branches),
            "EnableApprovalProcedureInDI": yes(self.approval),
            "AllowFuturePostingDate": yes(self.future_dates),
            "EnableWebhook": "tNO",
        }

    def _currency_rate(self, body: Row) -> Decimal:
        """Currency and Date, "YYYYMMDD" or "YYYY-MM-DD"; -10 when no rate was entered."""
        currency = self.require("Currencies", body.get("Currency"), "ORTT.Currency")
        try:
            day = date.fromisoformat(str(body.get("Date"))[:10])
        except ValueError:
            raise refusal(-1000, "Invalid date", "ORTT.RateDate", value=body.get("Date")) from None
        return self.rate(currency["Code"], day, "ORTT.Rate")

    # --- for people ------------------------------------------------------------------------------

    def actions(self) -> dict[str, Callable[..., Row]]:
        """What people do in SAP's own screens, by name; every one answers the row that it made or changed."""
        names = (
            *("add_vendor", "edit_vendor", "freeze_vendor", "remove_vendor"),
            *("add_invoice", "edit_invoice", "block_invoice", "unblock_invoice", "cancel_invoice", "credit_invoice"),
            *("reconcile_invoice", "pay_invoice", "add_down_payment", "add_draft", "approve_draft"),
            *("approve_payment", "reject_payment", "cancel_payment", "remove_draft"),
            *("add_account", "add_rule", "add_center", "add_project", "add_currency", "add_bank", "add_user_field"),
            *("set_rate", "close_period", "open_period", "set_option"),
        )
        return {name: getattr(self, name) for name in names}

    def unblock_invoice(self, invoice: int) -> Row:
        return self.block_invoice(invoice, blocked=False)

    def remove_vendor(self, code: str) -> Row:
        self.remove_partner(code)
        return {"removed": code}

    def remove_draft(self, draft: int) -> Row:
        """The originator removes a payment draft."""
        self.remove_payment_draft(draft)
        return {"removed": draft}

    def set_option(self, **options: Any) -> Row:
        """Change approval, branches, bump, future_dates or max_documents of a running company."""
        unknown = options.keys() - set(OPTIONS)
        if unknown:
            raise ValueError(f"no such options: {sorted(unknown)}")
        for name, value in options.items():
            setattr(self, name, value)
        return {name: getattr(self, name) for name in OPTIONS}

    def state(self) -> dict[str, Any]:
        """Every set by name as a list of rows; nothing is kept from it."""
        return {name: list(entities.rows.values()) for name, entities in self._sets.items()}
