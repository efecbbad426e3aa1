from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from audit.admin import COUNT_LIMIT
from audit.chain import Entry, append
from audit.models import AuditEvent

pytestmark = pytest.mark.django_db

LIST = "admin:audit_auditevent_changelist"
EXPORT = "admin:audit_auditevent_export"


def scope_of_tests(user: User) -> set[str] | None:
    return None if user.is_superuser else {"acme"}


def sign_in(name: str, *, superuser: bool = False, may_view: bool = True) -> Client:
    user = User.objects.create_user(name, is_staff=True, is_superuser=superuser)
    if may_view:
        user.user_permissions.add(Permission.objects.get(codename="view_auditevent"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def boss() -> Client:
    return sign_in("boss", superuser=True)


def listed(client: Client, **query: str) -> list[str]:
    response = client.get(reverse(LIST), query)
    assert response.status_code == 200
    return [f"{event.tenant}/{event.document}" for event in response.context["cl"].result_list]


def test_the_newest_events_come_first(boss: Client, write: Callable[..., None]) -> None:
    write("acme", 2)
    assert listed(boss) == ["acme/INV-1", "acme/INV-0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"tenant": "bolt"}, ["bolt/B 1"]),
        ({"outcome": "failed"}, ["acme/A1"]),
        ({"event": "held"}, ["bolt/B 1"]),
        ({"q": "A1"}, ["acme/A1"]),
        ({"q": " B 1 "}, ["bolt/B 1"]),
        ({"q": "key-a"}, ["acme/A1"]),
        ({"q": "id-b"}, ["bolt/B 1"]),
        ({"q": "A"}, []),
        ({"at__gte": "2026-11-02 00:00:00+00:00"}, ["bolt/B 1"]),
        ({"tenant": "acme", "outcome": "ok"}, []),
    ],
)
def test_filters_and_exact_search(
    query: dict[str, str], expected: list[str], boss: Client, write: Callable[..., None], start
) -> None:
    write("acme", 1, event="failed", outcome="failed", document="A1", source_key="key-a", target_id="id-a")
    write("bolt", 1, start=start(2), event="held", outcome="held", flow="payments", document="B 1", target_id="id-b")
    assert listed(boss, **query) == expected


def test_the_page_needs_few_queries_and_counts_only_so_far(
    boss: Client, write: Callable[..., None], start, django_assert_max_num_queries
) -> None:
    append("acme", [Entry(event="pending")] * (COUNT_LIMIT + 50), at=start(1))
    with django_assert_max_num_queries(8):
        response = boss.get(reverse(LIST), {"outcome": ""})
    assert response.context["cl"].result_count == COUNT_LIMIT + 1
    assert len(response.context["cl"].result_list) == 50


def test_the_detail_page_shows_everything_and_changes_nothing(boss: Client, write: Callable[..., None]) -> None:
    write("acme", 1, message="created <b>", request='{"a": 1}')
    event = AuditEvent.objects.get()
    page = reverse("admin:audit_auditevent_change", args=[event.pk])
    response = boss.get(page)
    assert event.hash in response.content.decode()
    assert "created &lt;b&gt;" in response.content.decode()
    assert boss.post(page, {"message": "x"}).status_code == 403
    assert boss.get(reverse("admin:audit_auditevent_add")).status_code == 403
    assert boss.post(reverse("admin:audit_auditevent_delete", args=[event.pk]), {"post": "yes"}).status_code == 403


def test_the_export_respects_the_filters_and_is_an_event(boss: Client, write: Callable[..., None]) -> None:
    write("acme", 2)
    write("bolt", 2)
    page = boss.get(reverse(LIST), {"tenant": "bolt", "q": "INV-1"}).content.decode()
    assert f"{reverse(EXPORT)}?tenant=bolt&amp;q=INV-1" in page

    response = boss.get(reverse(EXPORT), {"tenant": "bolt", "q": "INV-1"})
    content = b"".join(response.streaming_content).decode()
    assert response.streaming
    assert "attachment" in response["Content-Disposition"]
    assert content.count("INV-1") == 1
    assert "INV-0" not in content
    event = AuditEvent.objects.get(event="exported")
    assert (event.tenant, event.actor) == ("bolt", "boss")
    assert "INV-1" in event.request


def test_people_see_their_own_tenants_only(settings, write: Callable[..., None]) -> None:
    settings.AUDIT_TENANT_SCOPE = f"{__name__}.scope_of_tests"
    write("acme", 1)
    write("bolt", 1)
    fiona = sign_in("fiona")

    assert listed(fiona) == ["acme/INV-0"]
    assert listed(fiona, tenant="bolt") == []
    assert "bolt" not in fiona.get(reverse(LIST)).content.decode()
    other = AuditEvent.objects.get(tenant="bolt")
    assert fiona.get(reverse("admin:audit_auditevent_change", args=[other.pk])).status_code == 302
    content = b"".join(fiona.get(reverse(EXPORT)).streaming_content).decode()
    assert "acme" in content
    assert "bolt" not in content
    assert sorted(listed(sign_in("boss", superuser=True))) == ["acme/", "acme/INV-0", "bolt/INV-0"]


def test_the_export_needs_the_right_to_see(write: Callable[..., None]) -> None:
    write("acme", 1)
    nobody = sign_in("nobody", may_view=False)
    assert nobody.get(reverse(EXPORT)).status_code == 403
    assert nobody.get(reverse(LIST)).status_code == 403
    assert Client().get(reverse(EXPORT)).status_code == 302
