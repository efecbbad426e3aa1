"""Tenants with something of everything, and people in every role, for the tests of screens and API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from audit.chain import Entry, append
from integrations.models import (
    Connection,
    Delivery,
    Flow,
    Integration,
    Link,
    Mapping,
    Membership,
    Reference,
    Run,
    Tenant,
    WebhookEvent,
    WebhookSubscription,
)
from integrations.recipes import RECIPES

SECRETS = ("sekret-api-key-000000000000000000000000", "sekret-password", "sekret-dev-key", "sekret-webhook-key")
ORGANIZATION = "00801ABCDEFGHIJKLMNO"


@dataclass
class World:
    """One tenant. Everything it owns carries its slug in capitals, so that a leak is easy to see."""

    tenant: Tenant
    erp: Connection
    pay: Connection
    integration: Integration
    flows: dict[str, Flow]
    held: Delivery
    failed: Delivery
    delivered: Delivery
    mapping: Mapping
    run: Run
    link: Link
    event: WebhookEvent
    subscription: WebhookSubscription

    @property
    def mark(self) -> str:
        return self.tenant.slug.upper()

    def rows(self) -> list[Any]:
        reference = Reference.objects.filter(connection=self.pay).first()
        return [
            self.tenant,
            self.erp,
            self.integration,
            self.held,
            self.mapping,
            self.run,
            self.link,
            self.event,
            reference,
        ]


def make_user(name: str, role: str, *tenants: Tenant) -> User:
    user = User.objects.create_user(name, password="a-long-password", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    Membership.objects.bulk_create(Membership(user=user, tenant=tenant) for tenant in tenants)
    return user


def make_delivery(flow: Flow, document: str, state: str, **fields: Any) -> Delivery:
    now = timezone.now()
    values: dict[str, Any] = {
        "key": f"01-ACME01-{document}",
        "document": document,
        "state": state,
        "fingerprint": "f" * 64,
        "payload": json.dumps({"number": document, "total": "1234.50", "lines": [{"amount": "1234.50"}]}),
        "amount_minor": 123450,
        "currency": "USD",
        "created_at": now,
        "updated_at": now,
    }
    return Delivery.objects.create(flow=flow, **(values | fields))


def make_world(slug: str = "acme") -> World:
    now = timezone.now()
    mark = slug.upper()
    tenant = Tenant.objects.create(slug=slug, name=f"{mark} Supply", time_zone="America/Chicago")
    erp = Connection.objects.create(
        tenant=tenant,
        name=f"{mark}-erp",
        system="sage100",
        base_url=f"https://{slug}.example:8443",
        settings={"company_code": "ABC"},
        credentials={"api_key": SECRETS[0]},
    )
    pay = Connection.objects.create(
        tenant=tenant,
        name=f"{mark}-pay",
        system="bill",
        base_url="https://gateway.stage.bill.com/connect",
        settings={"organization_id": ORGANIZATION},
        credentials={"username": f"ap@{slug}.example", "password": SECRETS[1], "dev_key": SECRETS[2]},
    )
    integration = Integration.objects.create(
        tenant=tenant, name=f"{mark}-ap", recipe="sage100_bill", source=erp, target=pay, start_date=date(2026, 10, 1)
    )
    flows = {
        spec.name: Flow.objects.create(integration=integration, name=spec.name, position=number, every=spec.every)
        for number, spec in enumerate(RECIPES["sage100_bill"].flows)
    }
    Flow.objects.filter(integration=integration).update(as_of=now - timedelta(minutes=3))
    bills = flows["bills"]
    for key, number, name in (("0ca01", "6000", f"{mark} Office"), ("0ca02", "6100", f"{mark} Freight")):
        Reference.objects.create(connection=pay, kind="account", key=key, number=number, name=name, seen_at=now)
    Reference.objects.create(
        connection=erp, kind="account", key="k1", number="4000-01-00", name=f"{mark} GL", seen_at=now
    )
    mapping = Mapping.objects.create(
        integration=integration,
        table="accounts",
        source="4000-01-00",
        target="6000",
        target_label=f"6000 {mark} Office",
    )
    run = Run.objects.create(
        flow=bills,
        trigger="schedule",
        state="done",
        actor=f"{mark}-clock",
        started_at=now - timedelta(minutes=3),
        finished_at=now,
        counts={"read": 3, "created": 1},
        requests={"sage100": 2, "bill": 1},
    )
    link = Link.objects.create(
        flow=bills,
        source_key=f"01-{mark}01-INV-1",
        target_id="00n1",
        document=f"{mark}-INV-1",
        created_at=now,
        delivered_at=now,
    )
    subscription = WebhookSubscription.objects.create(
        integration=integration, connection=pay, subscription_id=f"sub-{slug}", key=SECRETS[3], enabled=True
    )
    event = WebhookEvent.objects.create(
        connection=pay,
        subscription_id=f"sub-{slug}",
        event_id=f"{mark}-event",
        type="payment.updated",
        entity_id=f"{mark}-stp01",
        received_at=now,
    )
    held = make_delivery(
        bills, f"{mark}-INV-2", "held", reason="account_unmapped", message=f"{mark} account 4100 is not mapped"
    )
    failed = make_delivery(bills, f"{mark}-INV-3", "failed", reason="rejected_by_target", amount_minor=5)
    delivered = make_delivery(bills, f"{mark}-INV-1", "delivered", target_id="00n1")
    with transaction.atomic():
        entry = Entry(
            event="held",
            outcome="held",
            integration=integration.name,
            flow="bills",
            document=held.document,
            source_key=held.key,
            message=f"{mark} account 4100 is not mapped",
        )
        append(slug, [entry], at=datetime.now(UTC))
    return World(tenant, erp, pay, integration, flows, held, failed, delivered, mapping, run, link, event, subscription)
