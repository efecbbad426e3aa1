"""Profiles: layers, faults named by their paths, and that no word of AvidXchange's stands in the code."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from connectors.avidxchange import config, connector, paths
from connectors.avidxchange.profile import SHIPPED, load, merge
from connectors.errors import ConfigurationError
from connectors.ports import ConnectionSpec

TOKENS = {"company_token": "c" * 20, "user_token": "u" * 20}


def spec(base_url="https://api.example", credentials=TOKENS, **settings):
    return ConnectionSpec("c", "Pay", "avidxchange", base_url, {"accounting_system": "ABC", **settings}, credentials)


def refused(profile="avidsuite-v1", overrides=None):
    with pytest.raises(ConfigurationError) as error:
        load(profile, overrides)
    return error.value.message


@pytest.mark.parametrize("name", ["avidsuite-v1", "plain-rest"])
def test_shipped_profiles_are_valid(name):
    assert load(name).name == name


def test_a_layer_inherits_replaces_and_removes():
    profile = load("plain-rest")
    assert profile["vendors"].fields["external_code"] == "externalId"
    assert profile["vendors"].fields["email"] == "Email"
    assert profile.auth["headers"] == {"X-Company-Token": "{company_token}", "X-User-Token": "{user_token}"}
    assert profile.paging["links"] == []
    assert "successful" not in profile.result
    assert merge({"a": {"b": 1, "c": [1, 2]}}, {"a": {"b": None, "c": [3]}}) == {"a": {"c": [3]}}


def test_every_fault_is_named_by_its_path():
    message = refused(
        overrides={
            "colour": "red",
            "auth": {"mode": "magic", "headers": {"Bad Header": "{company_token}", "X": "{pasword}"}},
            "paging": {"page_size": "many"},
            "windows": {"max_days": 0},
            "resources": {
                "vendors": {"list": {"method": "DELETE"}, "fields": {"nmae": "Name"}},
                "invoices": {"get": {"path": "invoices/{number}"}},
                "payments": {"list": {"method": "POST"}, "fields": {"amount": None}},
            },
        }
    )
    for named in (
        "colour: unknown",
        "auth.mode: one of",
        "auth.headers.Bad Header: the name of a header",
        "auth.headers.X: {pasword} is unknown",
        "paging.page_size: a whole number",
        "windows.max_days: a whole number",
        "resources.vendors.list.method: one of GET",
        "resources.vendors.fields.nmae: unknown",
        "resources.invoices.get.path: a path that begins with /",
        "resources.payments.list.method: one of GET expected",
        "resources.payments.fields.amount: missing",
    ):
        assert named in message


def test_overrides_may_be_json_text():
    assert load("avidsuite-v1", '{"paging": {"page_size": 7}}').paging["page_size"] == 7
    assert "not JSON" in refused(overrides="{")
    assert "no JSON object" in refused(overrides="[1]")


def test_a_file_extends_a_shipped_profile_or_one_beside_it(tmp_path):
    (tmp_path / "base.json").write_text(json.dumps({"extends": "plain-rest", "profile": "base"}))
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"extends": "base.json", "profile": "own", "windows": {"max_days": 7}}))
    profile = load(str(own))
    assert (profile.name, profile.windows["max_days"], profile.base_path) == ("own", 7, "/avidconnect/api/v2")


def test_profiles_that_cannot_be_read_are_told(tmp_path):
    assert "avidsuite-v1, plain-rest" in refused("nobody")
    circle = tmp_path / "circle.json"
    circle.write_text(json.dumps({"extends": "./circle.json"}))
    assert "extends itself" in refused(str(circle))
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert "not JSON" in refused(str(broken))


@pytest.mark.parametrize(
    ("base_url", "base"),
    [
        ("https://api.example", "https://api.example/v1"),
        ("https://api.example/", "https://api.example/v1"),
        ("https://api.example/v1/", "https://api.example/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
    ],
)
def test_the_base_url_is_scheme_and_host(base_url, base):
    assert config.parse(spec(base_url)).base == base


@pytest.mark.parametrize(
    ("base_url", "settings", "named"),
    [
        ("https://api.example/other", {}, "base URL"),
        ("https://me:secret@api.example", {}, "base URL"),
        ("api.example", {}, "base URL"),
        ("https://api.example", {"accounting_system": " "}, "accounting system"),
        ("https://api.example", {"auth_mode": "magic"}, "auth mode"),
        ("https://api.example", {"requests_per_minute": 0}, "requests_per_minute"),
        ("https://api.example", {"max_in_flight": "two"}, "max_in_flight"),
        ("https://api.example", {"profile": "nobody"}, "profile"),
    ],
)
def test_settings_that_do_not_work_are_named(base_url, settings, named):
    with pytest.raises(ConfigurationError) as error:
        config.parse(spec(base_url, **settings))
    assert named in error.value.message + error.value.fix
    assert "secret" not in error.value.message


def test_missing_tokens_are_named():
    with pytest.raises(ConfigurationError, match="company_token, user_token"):
        config.parse(spec(credentials={}))


def test_paths_read_and_write_alike():
    record: dict = {}
    paths.put(record, "A.B", 1)
    paths.put(record, "List.0.Name", "x")
    paths.put(record, "List.0.Other", "y")
    assert record == {"A": {"B": 1}, "List": [{"Name": "x", "Other": "y"}]}
    assert paths.get(record, "List.0.Name") == "x"
    assert paths.get({"List": {"Name": "x"}}, "List.0.Name") == "x"
    assert paths.get(record, "A.B.C") is None
    assert paths.get(record, "List.1.Name") is None


def test_no_word_of_a_profile_stands_in_the_code():
    """Header names, paths and field names: all that has a capital or a slash in it goes over the wire."""
    words = {word for file in SHIPPED.glob("*.json") for word in _words(json.loads(file.read_text()))}
    wire = {word for word in words if word != word.lower() or "/" in word} - {*TEXTS}
    assert {"AvidAuthorization", "X-User-Token", "/vendors", "ExternalVendorCode", "CodeGroupName"} <= wire
    folder = Path(connector.__file__).parent
    for file in folder.glob("*.py"):
        constants = {each.value for each in ast.walk(ast.parse(file.read_text())) if isinstance(each, ast.Constant)}
        assert not constants & wire, file.name


TEXTS = ("application/pdf", "image/tiff", "image/png", "image/jpeg", "GET", "POST", "PUT", "PATCH", "UTC")


def _words(data):
    """Names and values of a profile, whole and taken apart at their dots."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield name
            yield from _words(value)
    elif isinstance(data, list):
        for value in data:
            yield from _words(value)
    elif isinstance(data, str):
        yield from (data, *data.split("."))
