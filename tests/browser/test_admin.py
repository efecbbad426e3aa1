"""The admin in a real browser: pages settle under the strict CSP without a console error, forms work by mouse."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Browser, Page, sync_playwright

from integrations.models import Delivery, Mapping
from tests.integrations.world import World, make_user, make_world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIZES = {"wide": (1440, 900), "narrow": (390, 844)}


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # playwright runs an event loop in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def acme(transactional_db: None) -> World:
    from integrations.access import ensure_roles

    ensure_roles()
    return make_world("acme")


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: Browser, live_server: Any) -> Iterator[Page]:
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, base_url=live_server.url)
    page = context.new_page()
    page.set_default_timeout(10_000)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def sign_in(page: Page, name: str) -> None:
    page.goto("/admin/")
    page.fill("#id_username", name)
    page.fill("#id_password", "a-long-password")
    page.click("[type=submit]")
    page.wait_for_selector("#user-tools")


def snap(page: Page, name: str) -> None:
    """A picture for people, where SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        width = (page.viewport_size or {}).get("width")
        page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)


def test_every_page_settles_quietly(page: Page, acme: World) -> None:
    User.objects.create_superuser("root", password="a-long-password")
    sign_in(page, "root")
    snap(page, "overview")
    models = ["tenant", "connection", "integration", "delivery", "mapping", "run", "link", "webhookevent", "reference"]
    paths = {name: reverse(f"admin:integrations_{name}_changelist") for name in models}
    paths |= {
        f"{row._meta.model_name}-detail": reverse(f"admin:integrations_{row._meta.model_name}_change", args=[row.pk])
        for row in (acme.tenant, acme.pay, acme.integration, acme.held, acme.mapping, acme.run)
    }
    paths |= {
        "user": reverse("admin:auth_user_changelist"),
        "user-add": reverse("admin:auth_user_add"),
        "connection-choose": reverse("admin:integrations_connection_add"),
        "mapping-history": reverse("admin:integrations_mapping_history", args=[acme.mapping.pk]),
        "audit": reverse("admin:audit_auditevent_changelist"),
    }
    for name, path in paths.items():
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, name
        snap(page, name)
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{name} is {overflow} px too wide"


def test_a_finance_manager_maps_and_replays(page: Page, acme: World) -> None:
    make_user("fiona", "finance_manager", acme.tenant)
    sign_in(page, "fiona")
    page.goto(reverse("admin:integrations_mapping_changelist"))
    target = page.locator("input[name=form-0-target]")
    target.fill("freight")
    option = page.locator("datalist option[value='6100']").first
    option.wait_for(state="attached")
    target.fill("6100")
    page.click("[name=_save]")
    page.wait_for_selector(".messagelist .success")
    assert Mapping.objects.get().target_id == "0ca02"

    page.goto(reverse("admin:integrations_delivery_change", args=[acme.held.pk]))
    page.click("button[value=replay]")
    snap(page, "replay")
    page.click("text=Yes, go on")
    page.wait_for_selector(".messagelist .success")
    assert Delivery.objects.get(pk=acme.held.pk).state == "pending"
