"""System checks: mistakes in the settings that would lose secrets, doubled work or locked databases.

They run before every command (`manage.py check` shows them alone).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from config.queueing import least_retry

Apps = Sequence[AppConfig] | None

SHORTEST_KEY = 32  # characters; django-fernet-fields stretches with a fixed salt, so the key itself must be random


@register("security")
def check_keys(app_configs: Apps = None, **kwargs: Any) -> list[CheckMessage]:
    keys: list[str] = list(settings.FERNET_KEYS)
    if not keys or not all(keys):
        return [Error("FERNET_KEYS is empty or has an empty entry.", hint="List the keys newest first.", id="ml.E001")]
    found: list[CheckMessage] = []
    if settings.SECRET_KEY in keys:
        found.append(
            Error(
                "FERNET_KEYS contains SECRET_KEY: replacing the one would make the other's data unreadable.",
                hint="""Generate a key of its own: python3 -c "import secrets; print(secrets.token_urlsafe(48))".""",
                id="ml.E002",
            )
        )
    if any(len(key) < SHORTEST_KEY for key in keys):
        found.append(
            Warning(f"A key in FERNET_KEYS is shorter than {SHORTEST_KEY} characters and can be guessed.", id="ml.W001")
        )
    return found


@register()
def check_queue(app_configs: Apps = None, **kwargs: Any) -> list[CheckMessage]:
    """django-q2's defaults run work twice, again and again, or all at once after a pause."""
    queue = settings.Q_CLUSTER
    found: list[CheckMessage] = []
    least = least_retry(queue["timeout"], queue["queue_limit"], queue["workers"])
    if queue["retry"] < least:
        found.append(
            Error(
                f"Q_CLUSTER['retry'] is {queue['retry']} s: tasks that wait in memory would run twice.",
                hint=f"With these settings it must be at least {least} s.",
                id="ml.E010",
            )
        )
    wanted = {"max_attempts": 1, "ack_failures": True, "catch_up": False, "save_limit": -1}
    for name, value in wanted.items():
        if queue.get(name) != value:
            found.append(Error(f"Q_CLUSTER['{name}'] must be {value!r}, it is {queue.get(name)!r}.", id="ml.E011"))
    return found


@register()
def check_sqlite(app_configs: Apps = None, **kwargs: Any) -> list[CheckMessage]:
    """Web and cluster write to one file: without these options they fail with "database is locked"."""
    found: list[CheckMessage] = []
    for alias, config in settings.DATABASES.items():
        if config["ENGINE"] != "django.db.backends.sqlite3":
            continue
        options = config.get("OPTIONS", {})
        if "journal_mode=wal" not in options.get("init_command", "").lower().replace(" ", ""):
            found.append(Error(f"SQLite database {alias!r}: init_command must set journal_mode=WAL.", id="ml.E020"))
        if options.get("transaction_mode") != "IMMEDIATE":
            found.append(Error(f"SQLite database {alias!r}: transaction_mode must be IMMEDIATE.", id="ml.E021"))
        if options.get("timeout", 5) < 20:
            found.append(Error(f"SQLite database {alias!r}: timeout must be at least 20 seconds.", id="ml.E022"))
    return found


@register("security")
def check_public_url(app_configs: Apps = None, **kwargs: Any) -> list[CheckMessage]:
    """Warnings only: all but webhooks works without, and `manage.py webhooks` refuses by itself."""
    url = urlsplit(settings.PUBLIC_URL)
    if url.scheme not in ("http", "https") or not url.hostname:
        return [Warning(f"PUBLIC_URL {settings.PUBLIC_URL!r} is not a web address.", id="ml.W030")]
    if url.scheme == "http" and not is_loopback(url.hostname):
        return [
            Warning(
                f"PUBLIC_URL {settings.PUBLIC_URL!r} is plain http: passwords and sessions can be read on the way.",
                hint="Use https; http is for loopback only.",
                id="ml.W031",
            )
        ]
    return []


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address) can only be this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"
