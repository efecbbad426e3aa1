from __future__ import annotations

import json
import re
from typing import Any

from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from integrations.engine.context import recipe_of
from integrations.models import Integration, Mapping, MappingTable, Reference
from tests.integrations.world import World

ADD = "admin:integrations_mapping_add"


def changed() -> tuple[Any, Any]:
    event = AuditEvent.objects.filter(event="mapping_changed").latest("sequence")
    return json.loads(event.request), json.loads(event.response)


def test_a_row_is_resolved_audited_and_releases_holds_at_once(acme: World, finance: Client) -> None:
    Reference.objects.create(
        connection=acme.erp, kind="account", key="k2", number="4100-01-00", name="Rent", seen_at=acme.run.started_at
    )
    before = Integration.objects.get(pk=acme.integration.pk).generation
    fields = {"integration": acme.integration.pk, "table": "accounts", "source": "4100-01-00", "target": "6100"}
    assert finance.post(reverse(ADD), fields).status_code == 302
    row = Mapping.objects.get(source="4100-01-00")
    assert (row.source_key, row.target_id, row.problem) == ("k2", "0ca02", "")
    assert "Freight" in row.target_label
    assert Integration.objects.get(pk=acme.integration.pk).generation > before
    assert changed() == ({}, {"source": "4100-01-00", "target": "6100"})
    event = AuditEvent.objects.filter(event="mapping_changed").latest("sequence")
    assert event.message == "source: (none) -> 4100-01-00, target: (none) -> 6100"
    assert row.history.latest().history_user.username == "fiona"


def test_an_unknown_target_is_kept_and_says_what_is_wrong(acme: World, finance: Client) -> None:
    fields = {"integration": acme.integration.pk, "table": "accounts", "source": "4000-01-00", "target": "9999"}
    page = finance.post(reverse("admin:integrations_mapping_change", args=[acme.mapping.pk]), fields, follow=True)
    acme.mapping.refresh_from_db()
    assert acme.mapping.problem
    assert acme.mapping.problem in page.content.decode().replace("&#x27;", "'")
    assert changed() == ({"source": "4000-01-00", "target": "6000"}, {"source": "4000-01-00", "target": "9999"})


def test_the_list_is_edited_in_place(acme: World, finance: Client) -> None:
    path = reverse("admin:integrations_mapping_changelist")
    fields = {
        "form-TOTAL_FORMS": "1",
        "form-INITIAL_FORMS": "1",
        "form-0-id": acme.mapping.pk,
        "form-0-target": "6100",
        "_save": "Save",
    }
    assert finance.post(path, fields).status_code == 302
    acme.mapping.refresh_from_db()
    assert (acme.mapping.target, acme.mapping.target_id) == ("6100", "0ca02")
    assert changed()[1]["target"] == "6100"


def test_deleted_rows_are_on_record(acme: World, finance: Client) -> None:
    path = reverse("admin:integrations_mapping_changelist")
    fields = {"action": "delete_selected", "_selected_action": [acme.mapping.pk], "post": "yes"}
    assert finance.post(path, fields).status_code == 302
    assert not Mapping.objects.exists()
    assert changed() == ({"source": "4000-01-00", "target": "6000"}, {})


def offered(page: str) -> list[str]:
    select = page.partition('<select name="table"')[2].partition("</select>")[0]
    return [value for value in re.findall(r'value="([^"]*)"', select) if value]


def test_only_tables_of_the_recipe_are_offered(acme: World, finance: Client) -> None:
    known = {spec.table for spec in recipe_of(acme.integration).tables}
    assert 0 < len(known) < len(MappingTable.values)
    for query in ({}, {"integration": acme.integration.pk}):
        page = finance.get(reverse(ADD), query).content.decode()
        assert sorted(offered(page)) == sorted(known)


def test_a_table_that_the_recipe_lacks_is_refused(acme: World, finance: Client) -> None:
    fields = {"integration": acme.integration.pk, "table": "columns", "source": "a", "target": "b"}
    page = finance.post(reverse(ADD), fields)
    assert "has no such table" in page.content.decode()


def test_history_tells_who_wrote_what(acme: World, finance: Client) -> None:
    acme.mapping.target = "6100"
    acme.mapping.save()
    page = finance.get(reverse("admin:integrations_mapping_history", args=[acme.mapping.pk])).content.decode()
    assert "6000" in page
    assert "6100" in page
    assert "Changed" in page


def suggest(client: Client, world: World, **query: str) -> list[tuple[str, str]]:
    path = reverse("admin:integrations_mapping_suggest")
    answer = client.get(path, {"integration": world.integration.pk, "table": "accounts", **query})
    return [(each["value"], each["label"]) for each in answer.json()["results"]]


def test_suggestions_come_from_the_right_side(acme: World, finance: Client) -> None:
    assert suggest(finance, acme, column="source", q="4000") == [("4000-01-00", "4000-01-00 ACME GL")]
    assert suggest(finance, acme, column="target", q="freight") == [("6100", "6100 ACME Freight")]
    assert suggest(finance, acme, column="source", table="amounts", q="fr") == [("freight", "")]
    assert suggest(finance, acme, column="source", table="columns") == []


def test_a_suggestion_is_never_ambiguous(acme: World, finance: Client) -> None:
    same: dict[str, Any] = {"connection": acme.pay, "kind": "account", "seen_at": acme.run.started_at}
    Reference.objects.create(key="0ca03", number="6000", name="Office, old", active=False, **same)
    Reference.objects.create(key="0ca04", number="", name="Twin", **same)
    Reference.objects.create(key="0ca05", number="", name="Twin", **same)
    assert suggest(finance, acme, column="target", q="6000") == [
        ("ACME Office", "6000 ACME Office"),
        ("Office, old", "6000 Office, old (inactive)"),
    ]
    assert {value for value, _ in suggest(finance, acme, column="target", q="Twin")} == {"0ca04", "0ca05"}
