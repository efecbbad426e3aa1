from __future__ import annotations

import json
import logging
import sys

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.test import Client

from config.logs import JsonFormatter, LineFormatter

LOGIN = "/admin/login/"


@pytest.fixture
def fiona(db):
    return get_user_model().objects.create_superuser("fiona", password="correct horse")


def test_the_front_door_is_the_admin(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/admin/"


def test_pages_carry_a_strict_policy_and_load_nothing_inline(client: Client, fiona) -> None:
    response = client.get(LOGIN)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    page = response.content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert "<script>" not in page


def test_static_files_are_served_before_anything_was_collected(client: Client) -> None:
    response = client.get("/static/admin/css/base.css")
    assert response.status_code == 200
    assert b"".join(response).strip()


def attempt(client: Client, password: str, address: str = "127.0.0.1") -> int:
    return client.post(LOGIN, {"username": "fiona", "password": password}, REMOTE_ADDR=address).status_code


def test_the_fifth_wrong_password_locks_and_the_right_one_no_longer_helps(client: Client, fiona) -> None:
    assert [attempt(client, "wrong") for _ in range(4)] == [200] * 4
    assert attempt(client, "wrong") == 429
    assert attempt(client, "correct horse") == 429
    assert attempt(client, "correct horse", address="192.0.2.7") == 302


def test_the_right_password_forgets_earlier_slips(client: Client, fiona) -> None:
    for _ in range(2):
        assert [attempt(client, "wrong") for _ in range(4)] == [200] * 4
        assert attempt(client, "correct horse") == 302
        client.logout()


def test_scripts_can_authenticate_without_a_request(client: Client, fiona) -> None:
    assert authenticate(username="fiona", password="correct horse") == fiona
    assert authenticate(username="fiona", password="wrong") is None
    assert client.login(username="fiona", password="correct horse")


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "engine", "levelname": "WARNING", "msg": message, "args": args, **extra})


@pytest.mark.parametrize("formatter", [LineFormatter(), JsonFormatter()])
def test_a_record_is_one_line_even_with_a_traceback(formatter: logging.Formatter) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        line = formatter.format(record("broke\nin two", exc_info=sys.exc_info()))
    assert "\n" not in line
    assert "ValueError" in line
    assert "WARNING" in line


def test_json_lines_carry_what_the_caller_added() -> None:
    line = json.loads(JsonFormatter().format(record("run %s done", 7, run=7, tenant="acme", api_key="abc123")))
    assert (line["message"], line["run"], line["tenant"], line["api_key"]) == ("run 7 done", "7", "acme", "***")


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter22",
        '{"password": "hunter22", "user": "x"}',
        "devKey=hunter22&x=1",
        "Authorization: Bearer hunter22",
        "Authorization: Basic hunter22",
        "x-api-key: hunter22",
        "postgresql://ml:hunter22@db.example/ml",
        "{'sessionId': 'hunter22'}",
        "SECRET_KEY=hunter22",
        "FERNET_KEYS=hunter22",
    ],
)
@pytest.mark.parametrize("formatter", [LineFormatter(), JsonFormatter()])
def test_secrets_do_not_reach_a_line(formatter: logging.Formatter, text: str) -> None:
    line = formatter.format(record(text))
    assert "hunter22" not in line
    assert "***" in line


def test_ordinary_words_stay() -> None:
    text = "vendor 01-ACME key=01-ACME01 document=INV-1 https://gateway.example/connect/v3/bills?page=2"
    assert text in LineFormatter().format(record(text))
