"""The contract of the eBusiness Web Services as data, and the WSDL that it makes (docs: sage100 6).

Names are as clients have met them. The XSD types, the soapAction and where `OtherFields` stands are [assumed]: this is
for a sandbox; a real site's contract is only what its own WSDL says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

NS = "http://mas90.sage.com/ws"
XSD = "http://www.w3.org/2001/XMLSchema"
ADDRESS = "https://SAGESRV01/eBusinessWebServices/MasBasicService.svc"  # an internal name, as sites publish it
# The members of each type in the order of the contract, which deserialisers insist on. Text, unless a suffix says
# more: # decimal, @ date and time, ! a number that is never nil, :Type a structure.
TYPES: dict[str, tuple[str, ...]] = {
    name: tuple(members.split())
    for name, members in {
        "Logon": "Password Username",
        "ContractInformation": "AssemblyVersion ContractVersion! NullDateTime@!",
        "MasFault": "ErrorCode ErrorMessage",
        "Field": "MasFieldName Value",
        "ArrayOfField": "Field:Field",
        "ArrayOfSalesOrderLine": "SalesOrderLine:SalesOrderLine",
        "ArrayOfSalesOrderPayment": "SalesOrderPayment:SalesOrderPayment",
        "SalesOrderPayment": "CreditCardGUID CreditCardID ExpirationDateMonth ExpirationDateYear",
        "Customer": """OtherFields:ArrayOfField ARDivisionNo AddressLine1 AddressLine2 AddressLine3 AgingCategory1#
            AgingCategory2# AgingCategory3# AgingCategory4# AvgDaysOverDue# AvgDaysPaymentInvoice# BalanceForward#
            BatchFax City Comment ContactCode CountryCode CreditCardGUID CreditHold CreditLimit# CurrentBalance#
            CustomerDiscountRate# CustomerName CustomerNo CustomerStatus CustomerType DateEstablished@
            DateLastActivity@ DateLastAging@ DateLastFinanceChrg@ DateLastPayment@ DateLastStatement@
            DateTimeCreated@ DateTimeUpdated@ DefaultCostCode DefaultCostType DefaultCreditCardPmtType
            DefaultItemCode DefaultPaymentType EBMConsumerUserID EBMEnabled EmailAddress EmailStatements FaxNo
            HighestStmntBalance# InactiveReasonCode LastPaymentAmt# NumberOfInvToUseInCalc# OpenItemCustomer
            OpenOrderAmt# PriceLevel PrimaryShipToCode PrintDunningMessage ResidentialAddress RetentionAging1#
            RetentionAging2# RetentionAging3# RetentionAging4# RetentionCurrent# SalesPersonDivisionNo2
            SalesPersonDivisionNo3 SalesPersonDivisionNo4 SalesPersonDivisionNo5 SalesPersonNo2 SalesPersonNo3
            SalesPersonNo4 SalesPersonNo5 SalespersonDivisionNo SalespersonNo ServiceChargeRate# ShipMethod SortField
            SplitCommRate2# SplitCommRate3# SplitCommRate4# SplitCommRate5# State StatementCycle TaxExemptNo
            TaxSchedule TelephoneExt TelephoneNo TemporaryCustomer TermsCode URLAddress UnpaidServiceChrg#
            UserCreatedKey UserUpdatedKey ZipCode""",
        "CustomerContact": """OtherFields:ArrayOfField ARDivisionNo AddressLine1 AddressLine2 AddressLine3 City
            ContactCode ContactName ContactNotes ContactTitle CountryCode CustomerNo DateTimeCreated@ DateTimeUpdated@
            EBMUserID EmailAddress FaxNo Salutation State TelephoneExt1 TelephoneExt2 TelephoneNo1 TelephoneNo2
            UserCreatedKey UserUpdatedKey ZipCode""",
        "SalesOrder": """OtherFields:ArrayOfField ARDivisionNo BatchEmail BatchFax BillToAddress1 BillToAddress2
            BillToAddress3 BillToCity BillToCountryCode BillToCustomerNo BillToDivisionNo BillToName BillToState
            BillToZipCode CRMCompanyID CRMOpportunityID CRMPersonID CRMProspectID CRMUserID CancelReasonCode
            CheckNoForDeposit Comment CommissionRate# ConfirmTo CurrentInvoiceNo CustomerNo CustomerPONo CycleCode
            DateTimeCreated@ DateTimeUpdated@ DepositAmt# DiscountAmt# DiscountRate# EBMSubmissionType
            EBMUserIDSubmittingThisOrder EBMUserType EmailAddress FOB FaxNo FreightAmt# FreightCalculationMethod
            InvalidTaxCalc JobNo LastInvoiceOrderDate@ LastInvoiceOrderNo LastNoOfShippingLabels#
            Lines:ArrayOfSalesOrderLine LotSerialLinesExist MasterRepeatingOrderNo NonTaxableAmt#
            NonTaxableSubjectToDiscount# NumberOfShippingLabels# OrderDate@ OrderStatus OrderType
            OtherPaymentTypeRefNo PaymentType PaymentTypeCategory Payments:ArrayOfSalesOrderPayment
            PickingSheetPrinted PrintPickingSheets PrintSalesOrders RMANo ResidentialAddress SalesOrderNo
            SalesOrderPrinted SalesTaxAmt# SalespersonDivisionNo SalespersonDivisionNo2 SalespersonDivisionNo3
            SalespersonDivisionNo4 SalespersonDivisionNo5 SalespersonNo SalespersonNo2 SalespersonNo3 SalespersonNo4
            SalespersonNo5 ShipExpireDate@ ShipToAddress1 ShipToAddress2 ShipToAddress3 ShipToCity ShipToCode
            ShipToCountryCode ShipToName ShipToState ShipToZipCode ShipVia ShipWeight ShipZone ShipZoneActual
            SplitCommRate2# SplitCommRate3# SplitCommRate4# SplitCommRate5# SplitCommissions TaxExemptNo TaxSchedule
            TaxSubjToDiscPrcntOfTotSubjTo# TaxableAmt# TaxableSubjectToDiscount# TermsCode UserCreatedKey
            UserUpdatedKey WarehouseCode Weight#""",
        "SalesOrderLine": """OtherFields:ArrayOfField APDivisionNo AliasItemNo BackorderKitCompLine BillOption1
            BillOption2 BillOption3 BillOption4 BillOption5 BillOption6 BillOption7 BillOption8 BillOption9
            CommentText Commissionable CostCode CostOfGoodsSoldAcctKey CostOverridden CostType CustomerAction Discount
            DropShip ExpirationDate@ ExpirationOverridden ExplodedKitItem ExtDescriptionText ExtendedDescriptionKey
            ExtensionAmt# ItemAction ItemCode ItemCodeDesc ItemType LineDiscountPercent# LineKey LineSeqNo LineWeight#
            LotSerialFullyDistributed MasterOrderLineKey MasterOriginalQty# MasterQtyBalance# MasterQtyOrderedToDate#
            PriceLevel PriceOverridden PrintDropShipment PromiseDate@ PurchaseOrderNo PurchaseOrderRequiredDate@
            QuantityBackordered# QuantityOrdered# QuantityPerBill# QuantityShipped# RepeatingQtyShippedToDate#
            Revision SOHistoryDetlSeqNo SalesAcctKey SalesKitLineKey SalesOrderNo SkipPrintCompLine StandardKitBill
            SubjectToExemption TaxClass UnitCost# UnitOfMeasure UnitOfMeasureConvFactor# UnitPrice# Valuation VendorNo
            WarehouseCode WarrantyCode""",
    }.items()
}
_LOGON = "logon:Logon companyCode"
_CUSTOMER, _CONTACT = "arDivisionNo customerNo", "arDivisionNo customerNo contactCode"
# operation: what it takes, what it returns ("" nothing, "text" a plain string)
OPERATIONS: dict[str, tuple[tuple[str, ...], str]] = {
    name: (tuple(takes.split()), returns)
    for name, takes, returns in (
        ("GetContractInformation", "", "ContractInformation"),
        ("GetSalesOrder", f"{_LOGON} salesOrderNo", "SalesOrder"),
        ("GetNextSalesOrderNo", _LOGON, "text"),
        ("GetSalesOrderTemplate", f"{_LOGON} {_CUSTOMER}", "SalesOrder"),
        ("PreviewSalesOrder", f"{_LOGON} salesOrder:SalesOrder", "SalesOrder"),
        ("CreateSalesOrder", f"{_LOGON} salesOrder:SalesOrder", ""),
        ("UpdateSalesOrder", f"{_LOGON} salesOrder:SalesOrder", ""),
        ("DeleteSalesOrder", f"{_LOGON} salesOrderNo", ""),
        ("GetCustomer", f"{_LOGON} {_CUSTOMER}", "Customer"),
        ("GetNextCustomerNo", _LOGON, "text"),
        ("CreateCustomer", f"{_LOGON} customer:Customer", ""),
        ("UpdateCustomer", f"{_LOGON} customer:Customer", ""),
        ("DeleteCustomer", f"{_LOGON} {_CUSTOMER}", ""),
        ("GetCustomerContact", f"{_LOGON} {_CONTACT}", "CustomerContact"),
        ("CreateCustomerContact", f"{_LOGON} customerContact:CustomerContact", ""),
        ("UpdateCustomerContact", f"{_LOGON} customerContact:CustomerContact", ""),
        ("DeleteCustomerContact", f"{_LOGON} {_CONTACT}", ""),
    )
}


@dataclass(frozen=True)
class Member:
    """`type`: "string", "decimal", "dateTime", "int" or a structure's name."""

    name: str
    type: str
    nillable: bool


def member(text: str) -> Member:
    """Read the table's notation."""
    nillable = not text.endswith("!")
    name, _, structure = text.rstrip("!").partition(":")
    if structure:
        return Member(name, structure, nillable)
    kind = {"#": "decimal", "@": "dateTime"}.get(name[-1], "string" if nillable else "int")
    return Member(name.rstrip("#@"), kind, nillable)


MEMBERS: Mapping[str, tuple[Member, ...]] = {name: tuple(map(member, each)) for name, each in TYPES.items()}
PARAMETERS: Mapping[str, tuple[Member, ...]] = {name: tuple(map(member, each[0])) for name, each in OPERATIONS.items()}


def action(operation: str) -> str:
    return f"{NS}/IMas/{operation}"


def wsdl() -> str:
    """SOAP 1.1, document/literal wrapped, every operation with the one fault."""
    types = "".join(_complex_type(name, members) for name, members in MEMBERS.items())
    elements = "".join(_wrappers(name) for name in OPERATIONS)
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<wsdl:definitions name="MasService" targetNamespace="{NS}" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"'
        f' xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="{XSD}" xmlns:tns="{NS}">'
        f'<wsdl:types><xs:schema elementFormDefault="qualified" targetNamespace="{NS}">{types}'
        f'<xs:element name="MasFault" nillable="true" type="tns:MasFault"/>{elements}</xs:schema></wsdl:types>'
        + "".join(_messages(name) for name in OPERATIONS)
        + '<wsdl:message name="IMas_MasFault_FaultMessage"><wsdl:part name="detail" element="tns:MasFault"/>'
        '</wsdl:message><wsdl:portType name="IMas">'
        + "".join(_port_operation(name) for name in OPERATIONS)
        + '</wsdl:portType><wsdl:binding name="BasicHttpBinding_IMas" type="tns:IMas">'
        '<soap:binding transport="http://schemas.xmlsoap.org/soap/http" style="document"/>'
        + "".join(_bound_operation(name) for name in OPERATIONS)
        + '</wsdl:binding><wsdl:service name="MasService">'
        '<wsdl:port name="BasicHttpBinding_IMas" binding="tns:BasicHttpBinding_IMas">'
        f"<soap:address location={quoteattr(ADDRESS)}/></wsdl:port></wsdl:service></wsdl:definitions>"
    )


def _complex_type(name: str, members: Iterable[Member]) -> str:
    many = ' maxOccurs="unbounded"' if name.startswith("ArrayOf") else ""
    inner = "".join(_element(each, many) for each in members)
    return f'<xs:complexType name="{name}"><xs:sequence>{inner}</xs:sequence></xs:complexType>'


def _element(each: Member, many: str = "") -> str:
    prefix = "tns" if each.type in MEMBERS else "xs"
    nillable = ' nillable="true"' if each.nillable else ""
    return f'<xs:element minOccurs="0"{many} name="{each.name}"{nillable} type="{prefix}:{each.type}"/>'


def _wrappers(operation: str) -> str:
    returns = OPERATIONS[operation][1]
    result = member(f"{operation}Result" if returns == "text" else f"{operation}Result:{returns}")
    return _wrapper(operation, PARAMETERS[operation]) + _wrapper(f"{operation}Response", [result] if returns else [])


def _wrapper(name: str, members: Iterable[Member]) -> str:
    inner = "".join(_element(each) for each in members)
    return f'<xs:element name="{name}"><xs:complexType><xs:sequence>{inner}</xs:sequence></xs:complexType></xs:element>'


def _messages(operation: str) -> str:
    return "".join(
        f'<wsdl:message name="IMas_{operation}_{way}Message"><wsdl:part name="parameters" element="tns:{element}"/>'
        "</wsdl:message>"
        for way, element in (("Input", operation), ("Output", f"{operation}Response"))
    )


def _port_operation(operation: str) -> str:
    return (
        f'<wsdl:operation name="{operation}"><wsdl:input message="tns:IMas_{operation}_InputMessage"/>'
        f'<wsdl:output message="tns:IMas_{operation}_OutputMessage"/>'
        '<wsdl:fault name="MasFaultFault" message="tns:IMas_MasFault_FaultMessage"/></wsdl:operation>'
    )


def _bound_operation(operation: str) -> str:
    body = '<soap:body use="literal"/>'
    return (
        f'<wsdl:operation name="{operation}"><soap:operation soapAction="{action(operation)}" style="document"/>'
        f"<wsdl:input>{body}</wsdl:input><wsdl:output>{body}</wsdl:output>"
        '<wsdl:fault name="MasFaultFault"><soap:fault name="MasFaultFault" use="literal"/></wsdl:fault>'
        "</wsdl:operation>"
    )
