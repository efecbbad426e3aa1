from __future__ import annotations

from copy import deepcopy

import pytest
from django.conf import settings as product

from config import checks
from config.queueing import least_retry


def ids(messages: list) -> list[str]:
    return [message.id for message in messages]


@pytest.mark.parametrize("check", [checks.check_keys, checks.check_queue, checks.check_sqlite, checks.check_public_url])
def test_the_products_own_settings_pass(check) -> None:
    assert check() == []


@pytest.mark.parametrize(
    ("timeout", "queue_limit", "workers", "seconds"),
    [(300, 2, 2, 960), (300, 1, 1, 960), (300, 4, 2, 1260), (300, 16, 4, 1860), (5, 1, 2, 70)],
)
def test_retry_outlasts_everything_claimed_before(timeout: int, queue_limit: int, workers: int, seconds: int) -> None:
    assert least_retry(timeout, queue_limit, workers) == seconds


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ([], ["ml.E001"]),
        (["k" * 40, ""], ["ml.E001"]),
        (["k" * 40], []),
        (["k" * 40, "brief"], ["ml.W001"]),
        (["k" * 40, product.SECRET_KEY], ["ml.E002"]),
    ],
)
def test_keys(settings, keys: list[str], found: list[str]) -> None:
    settings.FERNET_KEYS = keys
    messages = checks.check_keys()
    assert ids(messages) == found
    assert not any(key and key in str(message) for key in keys for message in messages)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"retry": 959}, ["ml.E010"]),
        ({"queue_limit": 4}, ["ml.E010"]),
        ({"timeout": 301}, ["ml.E010"]),
        ({"max_attempts": 3}, ["ml.E011"]),
        ({"ack_failures": False}, ["ml.E011"]),
        ({"catch_up": True}, ["ml.E011"]),
        ({"save_limit": 250}, ["ml.E011"]),
    ],
)
def test_queue(settings, change: dict, found: list[str]) -> None:
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "workers": 2, "queue_limit": 2, "retry": 960, **change}
    assert ids(checks.check_queue()) == found


def test_a_queue_left_at_the_packages_defaults_is_refused(settings) -> None:
    settings.Q_CLUSTER = {"timeout": 300, "retry": 960, "queue_limit": 2, "workers": 2}
    assert ids(checks.check_queue()) == ["ml.E011"] * 4


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"init_command": "PRAGMA synchronous=NORMAL;"}, ["ml.E020"]),
        ({"transaction_mode": "DEFERRED"}, ["ml.E021"]),
        ({"timeout": 5}, ["ml.E022"]),
    ],
)
def test_sqlite(monkeypatch, change: dict, found: list[str]) -> None:
    good = {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode = WAL;"}
    databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": good}}
    monkeypatch.setattr(product, "DATABASES", databases)
    assert checks.check_sqlite() == []
    broken = deepcopy(databases)
    broken["default"]["OPTIONS"].update(change)
    monkeypatch.setattr(product, "DATABASES", broken)
    assert ids(checks.check_sqlite()) == found


def test_postgresql_needs_no_sqlite_options(monkeypatch) -> None:
    monkeypatch.setattr(product, "DATABASES", {"default": {"ENGINE": "django.db.backends.postgresql"}})
    assert checks.check_sqlite() == []


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://ml.acme.example", []),
        ("http://127.0.0.1:8000", []),
        ("http://127.9.9.9", []),
        ("http://[::1]:8000", []),
        ("http://localhost:8000", []),
        ("http://ml.acme.example", ["ml.W031"]),
        ("http://localhost.acme.example", ["ml.W031"]),
        ("http://10.0.0.5", ["ml.W031"]),
        ("ml.acme.example", ["ml.W030"]),
        ("ftp://ml.acme.example", ["ml.W030"]),
        ("", ["ml.W030"]),
    ],
)
def test_public_url(settings, url: str, found: list[str]) -> None:
    settings.PUBLIC_URL = url
    assert ids(checks.check_public_url()) == found
