"""Names read from $metadata of both dialects, and documents that are refused."""

from __future__ import annotations

import pytest

from connectors.errors import BadAnswer
from connectors.sap_b1.metadata import Schema, parse

V1 = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns="http://schemas.microsoft.com/ado/2009/11/edm"
  xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0">
 <edmx:DataServices><Schema Namespace="SAPB1">
  <EntityType Name="Document"><Key><PropertyRef Name="DocEntry"/></Key>
   <Property Name="DocEntry" Type="Edm.Int32"/><Property Name="PaidToDate" Type="Edm.Double"/>
   <NavigationProperty Name="BusinessPartner"/></EntityType>
  <ComplexType Name="DocumentLine"><Property Name="LineNum" Type="Edm.Int32"/></ComplexType>
  <EntityType Name="Item"><Property Name="ItemCode" Type="Edm.String"/></EntityType>
  <EntityContainer Name="ServiceLayer">
   <EntitySet Name="PurchaseInvoices" EntityType="SAPB1.Document"/>
   <EntitySet Name="VendorPayments" EntityType="SAPB1.Payment"/></EntityContainer>
 </Schema></edmx:DataServices></edmx:Edmx>"""
V2 = V1.replace("http://schemas.microsoft.com/ado/2009/11/edm", "http://docs.oasis-open.org/odata/ns/edm").replace(
    "http://schemas.microsoft.com/ado/2007/06/edmx", "http://docs.oasis-open.org/odata/ns/edmx"
)


@pytest.mark.parametrize("document", [V1, V2])
def test_properties_by_type_and_entity_sets(document):
    schema = parse(document.encode())
    assert schema.has_property("Document", "PaidToDate")
    assert not schema.has_property("Document", "DraftKey")
    assert not schema.has_property("Document", "BusinessPartner")
    assert not schema.has_property("Document", "ItemCode")
    assert schema.has_property("DocumentLine", "LineNum")
    assert not schema.has_property("Payment", "DocEntry")
    assert schema.sets == {"PurchaseInvoices", "VendorPayments"}


def test_a_type_that_is_not_kept_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError):
        parse(V1.encode()).has_property("Item", "ItemCode")


def test_the_kept_text_is_the_same_schema_and_names_nothing_else():
    schema = parse(V1.encode())
    assert Schema.from_text(schema.to_text()) == schema
    assert "ItemCode" not in schema.to_text()


def test_what_another_release_kept_is_read_anew():
    assert Schema.from_text('{"types": {"Document": []}, "sets": ["X"]}') is None


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + V1.partition("?>")[2].replace("PaidToDate", "&b;")


@pytest.mark.parametrize(
    "document", [BOMB, "<!DOCTYPE html><html></html>", "<html/>", "", "{}", V1[:-40], V1.replace("EntitySet", "Set")]
)
def test_documents_that_are_no_schema_are_refused(document):
    with pytest.raises(BadAnswer):
        parse(document.encode())
