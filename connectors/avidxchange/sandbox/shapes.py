"""The two shapes in which the sandbox speaks: an own, independent reading of the two profiles (docs: avidxchange 11).

Rows inside the sandbox have neutral names; a shape tells at which dotted path of the wire object each one stands
(digits index lists). What a shape does not name never leaves the sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

Paths = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shape:
    """How one tenant's API looks.

    headers: templates over {company_token} and {user_token}. enveloped: Items/Paging/Results, business errors with
    HTTP 200; else data/meta, business errors with HTTP 400 and bulk writes all or nothing (docs: avidxchange 14.1).
    paths: by kind of object. statuses: what a payment's states are called.
    """

    name: str
    root: str
    headers: Mapping[str, str]
    page_number: str
    page_size: str
    modified_from: str
    modified_to: str
    default_page_size: int
    enveloped: bool
    vendors: str
    vendor_update: str
    payments: str
    payment_filter_required: bool
    image: str
    image_mode: str
    paths: Mapping[str, Paths]
    statuses: Mapping[str, str]


ADDRESS = {
    "line1": "Line1",
    "line2": "Line2",
    "line3": "Line3",
    "line4": "Line4",
    "city": "City",
    "state": "State",
    "postal_code": "PostalCode",
    "country": "Country",
}
VENDOR = {
    "id": "Id",
    "accounting_system_id": "AccountingSystemId",
    "external_code": "ExternalVendorCode",
    "name": "Name",
    "name_on_check": "NameOnCheck",
    "tax_id": "FedTaxId",
    "email": "Email",
    "phone": "Telephone1",
    "website": "Website",
    "active": "Active",
    "address": "Address",
    "remit_to": "RemitToAddress",
    "payment_method_id": "PaymentMethod.Id",
    "payment_method": "PaymentMethod.Description",
    "last_modified": "LastModifiedDate",
}
CODE = {"value": "CodeValue", "description": "Description", "group": "GroupName", "active": "IsActive"}
PURCHASE_ORDER = {
    "id": "Id",
    "external_code": "ExternalCode",
    "number": "OrderNumber",
    "vendor_code": "VendorExternalCode",
    "total": "TotalAmount",
}
INVOICE = {
    "id": "Id",
    "external_id": "ExternalId.Value",
    "external_scheme": "ExternalId.Scheme",
    "external_owner": "ExternalId.SchemeOwner",
    "accounting_system_id": "AccountingSystemId",
    "number": "Number",
    "vendor_code": "BuyerVendor.VendorExternalSystemID",
    "vendor_name": "BuyerVendor.VendorName",
    "invoice_date": "InvoiceDate",
    "due_date": "InvoiceDueDate",
    "posting_date": "PostingDate",
    "gross": "GrossAmount",
    "discount": "DiscountAmount",
    "po_number": "PONumber",
    "memo": "Memo",
    "status_id": "Status.Id",
    "status": "Status.Description",
    "status_reason": "Status.Reason",  # [assumed] why an invoice was rejected
    "has_image": "HasImage",
    "image_url": "ImageUrl",
    "last_modified": "LastChangedDate",
    "lines": "Distributions",
}
LINE = {"number": "LineNumber", "amount": "Amount", "description": "Description", "codes": "EnterpriseCodes"}
LINE_CODE = {
    "value": "EnterpriseCodeValue",
    "description": "EnterpriseCodeValueDescription",
    "group": "EnterpriseCodeGroups.0.CodeGroupName",
}
PAYMENT = {
    "id": "PaymentId",
    "batch_id": "BatchId",
    "status_id": "Status.Id",
    "status": "Status.Description",
    "method_id": "PaymentMethod.Id",
    "method": "PaymentMethod.Description",
    "erp_check_number": "CheckNumber",
    "check_number": "AvidPayChecknumber",
    "ach_trace": "AchTraceNumber",
    "card_last4": "VirtualCard.Last4",
    "card_reference": "VirtualCard.Reference",
    "card_processed": "VirtualCard.ProcessedDate",
    "amount": "Amount",
    "payment_date": "PaymentDate",
    "settled_date": "ClearedDate",
    "has_check_images": "HasClearedCheckImages",
    "vendor_code": "Payee.ExternalId.Value",
    "vendor_name": "Payee.Name",
    "bank_account_ids": "BankAccount.ClientIds",
    "external_ids": "ExternalPaymentIds",
    "exceptions": "Exceptions",
    "remittances": "Remittances",
    "last_modified": "LastModifiedDateTime",
}
REMITTANCE = {
    "invoice_number": "Number",
    "gross": "Gross",
    "discount": "Discount",
    "net": "Net",
    "invoice_date": "Date",
    "due_date": "DueDate",
    "external_id": "ExternalId.Value",
}
AVIDSUITE = Shape(
    name="avidsuite-v1",
    root="/v1",
    headers={"Authorization": "Bearer {company_token}", "AvidAuthorization": "Bearer {user_token}"},
    page_number="pageNumber",
    page_size="pageSize",
    modified_from="lastModifiedFrom",
    modified_to="lastModifiedTo",
    default_page_size=100,
    enveloped=True,
    vendors="/vendors",
    vendor_update="PUT",
    payments="/payments",
    payment_filter_required=True,
    image="/invoices/<id>/image",
    image_mode="multipart",
    paths={
        "accounting_system": {"id": "ID", "name": "Name"},
        "vendor": VENDOR,
        "address": ADDRESS,
        "code": CODE,
        "purchase_order": PURCHASE_ORDER,
        "invoice": INVOICE,
        "line": LINE,
        "line_code": LINE_CODE,
        "payment": PAYMENT,
        "remittance": REMITTANCE,
    },
    statuses={
        "settled": "Cleared",
        "issued": "Issued to Supplier",
        "in_progress": "Processing",
        "failed": "Error",
        "void": "Void",
    },
)
PLAIN = replace(
    AVIDSUITE,
    name="plain-rest",
    root="/avidconnect/api/v2",
    headers={"X-Company-Token": "{company_token}", "X-User-Token": "{user_token}"},
    page_number="page",
    page_size="limit",
    modified_from="updatedSince",
    modified_to="updatedUntil",
    default_page_size=50,
    enveloped=False,
    vendors="/suppliers",
    vendor_update="PATCH",
    payments="/payments/settled",
    payment_filter_required=False,
    image="/invoices/<id>/documents",
    image_mode="base64_json",
    paths={
        **AVIDSUITE.paths,
        "vendor": {**VENDOR, "id": "id", "external_code": "externalId", "name": "name", "active": "isActive"},
        "payment": {
            **PAYMENT,
            "id": "id",
            "status": "status",
            "amount": "amount",
            "settled_date": "settledOn",
            "check_number": "checkNumber",
            "ach_trace": "achTrace",
            "card_last4": "card.last4",
            "vendor_code": "supplier.externalId",
            "remittances": "invoices",
        },
        "remittance": {
            **REMITTANCE,
            "invoice_number": "invoiceNumber",
            "net": "paidAmount",
            "discount": "discountTaken",
            "gross": "invoiceAmount",
        },
    },
    statuses={
        "settled": "SETTLED",
        "issued": "SENT",
        "in_progress": "PENDING",
        "failed": "FAILED",
        "void": "VOIDED",
    },
)
SHAPES = {each.name: each for each in (AVIDSUITE, PLAIN)}
