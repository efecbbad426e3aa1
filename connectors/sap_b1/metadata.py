"""Which properties and entity sets a company's Service Layer has: releases differ, and a wrong name fails a request.

docs: sap_b1 1 (features are told by $metadata, not by the version), 12.1; the document has 2 MB, of which only
names are kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from ..errors import BadAnswer

#: The types whose properties are kept; nothing can be asked about others.
TYPES = frozenset(
    {
        "AdminInfo",
        "ApprovalRequest",
        "BPAddress",
        "BPBankAccount",
        "BusinessPartner",
        "BusinessPlace",
        "ChartOfAccount",
        "CompanyInfo",
        "ContactEmployee",
        "Currency",
        "Dimension",
        "DistributionRule",
        "Document",
        "DocumentAdditionalExpense",
        "DocumentInstallment",
        "DocumentLine",
        "DownPaymentToDraw",
        "HouseBankAccount",
        "Payment",
        "PaymentInvoice",
        "ProfitCenter",
        "Project",
        "WithholdingTaxData",
        "WithholdingTaxDataWTX",
    }
)


@dataclass(frozen=True, slots=True)
class Schema:
    """Names of properties by type, without the namespace, and of entity sets."""

    types: dict[str, frozenset[str]]
    sets: frozenset[str]

    def has_property(self, type_name: str, name: str) -> bool:
        """Raises ValueError for a type that is not among `TYPES`."""
        if type_name not in TYPES:
            raise ValueError(f"the properties of {type_name} are not kept")
        return name in self.types[type_name]

    def to_text(self) -> str:
        types = {name: sorted(properties) for name, properties in self.types.items()}
        return json.dumps({"types": types, "sets": sorted(self.sets)})

    @classmethod
    def from_text(cls, text: str) -> Schema | None:
        """None for what another release of this program kept of other types."""
        data = json.loads(text)
        if data["types"].keys() != TYPES:
            return None
        return cls({name: frozenset(found) for name, found in data["types"].items()}, frozenset(data["sets"]))


def parse(document: bytes) -> Schema:
    """The schema in an EDMX document of OData v3 or v4. Raises BadAnswer, for a document type definition too."""
    types: dict[str, set[str]] = {name: set() for name in TYPES}
    sets: set[str] = set()
    into: set[str] | None = None

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal into
        tag, name = tag.rpartition(" ")[2], attributes.get("Name", "")
        if tag in ("EntityType", "ComplexType"):
            into = types.get(name)
        elif tag == "Property" and into is not None:
            into.add(name)
        elif tag == "EntitySet":
            sets.add(name)

    def end(tag: str) -> None:
        nonlocal into
        if tag.rpartition(" ")[2] in ("EntityType", "ComplexType"):
            into = None

    def refuse(*_: Any) -> None:
        raise BadAnswer("SAP Business One's $metadata has a document type definition, which no service sends.")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        sets.clear()
    if not sets:
        raise BadAnswer("SAP Business One answered $metadata with something that is no description of its entities.")
    return Schema({name: frozenset(found) for name, found in types.items()}, frozenset(sets))
