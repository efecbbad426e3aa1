from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from connectors.domain import Account, Vendor, VendorStatus
from integrations.engine.books import ReferenceBook
from integrations.models import Connection, Flow, Integration, Mapping, ReferenceKind, Tenant

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def integration(db):
    tenant = Tenant.objects.create(slug="acme")
    erp = Connection.objects.create(tenant=tenant, name="erp", system="sage100", base_url="https://erp.example")
    pay = Connection.objects.create(tenant=tenant, name="pay", system="bill", base_url="https://pay.example")
    integration = Integration.objects.create(
        tenant=tenant, name="ap", recipe="sage100_bill", source=erp, target=pay, start_date=date(2026, 10, 1)
    )
    Flow.objects.create(integration=integration, name="vendors")
    return integration


@pytest.fixture
def show(integration):
    """Stores what a side's system has: accounts as (key, number, name[, active]), vendors as (key, name)."""

    def run(side, kind, *rows):
        book = ReferenceBook(getattr(integration, side))
        if kind is ReferenceKind.VENDOR:
            records = [Vendor(key, key, name, VendorStatus.ACTIVE) for key, name in rows]
        else:
            records = [Account(*row) for row in rows]
        book.absorb(kind, records, now=NOW)

    return run


@pytest.fixture
def write(integration):
    """A mapping row as a person writes it."""

    def run(table, source, target):
        return Mapping.objects.create(integration=integration, table=table, source=source, target=target)

    return run
