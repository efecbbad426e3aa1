from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.integrations.world import World, make_user, make_world


@pytest.fixture
def acme(db: None) -> World:
    return make_world("acme")


@pytest.fixture
def rival(db: None) -> World:
    return make_world("rival")


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def administrator(acme: World) -> Client:
    return _client(make_user("adam", "administrator", acme.tenant))


@pytest.fixture
def finance(acme: World) -> Client:
    return _client(make_user("fiona", "finance_manager", acme.tenant))


@pytest.fixture
def auditor(acme: World) -> Client:
    return _client(make_user("otto", "auditor", acme.tenant))


@pytest.fixture
def root(db: None) -> Client:
    return _client(User.objects.create_superuser("root", password="a-long-password"))
