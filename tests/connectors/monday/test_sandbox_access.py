"""Who may ask the sandbox, in which version, and what is a valid document (docs: monday 1, 2, 3, 18)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from graphql import GraphQLSchema, build_schema, is_required_argument

from connectors.monday.sandbox import EXAMPLE, READ_TOKEN, TOKEN, VIEWER_TOKEN, load_demo
from connectors.monday.sandbox.schema import OWN

from .caller import CREATE, Caller, calling

PING = """query Ping { me { id name email kind account { id slug tier plan { tier } } } version { kind value }
  complexity { before query after reset_in_x_seconds } }"""
ME = "{ me { id } }"


@pytest.fixture(scope="module")
def monday() -> Iterator[Caller]:
    with calling() as caller:
        yield caller


def test_the_ping_tells_who_and_what(monday: Caller) -> None:
    answer = monday.data(PING)
    assert answer["me"]["account"]["plan"] == {"tier": "pro"}
    assert answer["version"] == {"kind": "current", "value": "2026-10"}


@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_a_token_is_taken_raw_or_as_bearer(monday: Caller, prefix: str) -> None:
    assert monday.ask(ME, token=prefix + TOKEN).json()["data"]["me"]


@pytest.mark.parametrize("token", ["", "wrong"])
def test_an_unknown_token_is_401_and_no_graphql(monday: Caller, token: str) -> None:
    answer = monday.ask(ME, token=token)
    assert (answer.status_code, answer.json()) == (401, {"errors": ["Not Authenticated"]})


def test_a_view_only_user_is_403(monday: Caller) -> None:
    answer = monday.ask(ME, token=VIEWER_TOKEN)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["code"] == "USER_ACCESS_DENIED"


def test_a_token_without_the_scope_is_refused_inside_200(monday: Caller) -> None:
    board = monday.board()
    answer = monday.ask(CREATE, token=READ_TOKEN, board=board, name="A")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (200, "missingRequiredPermissions")
    assert monday.ask('mutation { create_update(item_id: 1, body: "x") { id } }').json()["errors"][0]["extensions"][
        "error_data"
    ] == {"required_scopes": ["updates:write"]}


@pytest.mark.parametrize(
    ("sent", "served", "kind"),
    [
        ("2026-10", "2026-10", "current"),
        ("2026-07", "2026-07", "maintenance"),
        ("2027-01", "2027-01", "release_candidate"),
        ("2024-01", "2026-07", "maintenance"),
        ("2026-08", "2026-10", "current"),
    ],
)
def test_the_version_is_another_silently(monday: Caller, sent: str, served: str, kind: str) -> None:
    answer = monday.ask("{ version { value kind } }", headers={"API-Version": sent}).json()
    assert answer["data"]["version"] == {"value": served, "kind": kind}


def test_a_malformed_version_is_an_error_inside_200(monday: Caller) -> None:
    answer = monday.ask(ME, headers={"API-Version": "newest"})
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"]["code"] == "InvalidVersionException"


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"query": ""}', '{"query": "{ me { id } }", "variables": "{}"}'])
def test_a_body_that_is_no_request_is_400(monday: Caller, body: str) -> None:
    assert monday.post(body).status_code == 400


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ me { is_admin } }", "undefinedField"),
        ("{ boards(idss: [1]) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($b: ID!) { boards(ids: [$b]) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($unused: ID) { me { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { id } __schema { queryType { name } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { me { id } } query B { me { id } }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
def test_documents_are_validated_strictly(monday: Caller, query: str, code: str) -> None:
    answer = monday.ask(query)
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert "data" not in answer.json()


def test_what_cannot_be_parsed_says_so_inside_200(monday: Caller) -> None:
    answer = monday.ask('{ boards(ids: ["a\nb"]) { id } }')
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["message"].startswith("Parse error on")


def test_every_answer_of_graphql_has_a_request_id(monday: Caller) -> None:
    ids = {monday.ask(each).json()["extensions"]["request_id"] for each in (ME, ME, "{ nothing }", "{")}
    assert len(ids) == 4


def test_only_posts_are_served(monday: Caller) -> None:
    assert requests.get(monday.url + "/v2", timeout=5).status_code == 405


def test_the_example_opens_it() -> None:
    with calling() as monday:
        board = load_demo(monday.sandbox)["chores"]
        answer = monday.ask("{ boards { id items_count } }", token=EXAMPLE.credentials["api_token"]).json()
        assert answer["data"]["boards"] == [{"id": board, "items_count": 3}]


# --- the schema of our own ---------------------------------------------------------------------------


def missing(own: GraphQLSchema, vendor: GraphQLSchema) -> list[Any]:
    """What `own` has and `vendor` has not, or otherwise."""
    wrong: list[Any] = []
    for name, mine in own.type_map.items():
        theirs: Any = vendor.type_map.get(name)
        if type(theirs) is not type(mine):
            wrong.append(name)
            continue
        for field, known in getattr(mine, "fields", {}).items():
            other = theirs.fields.get(field)
            if other is None or str(other.type) != str(known.type):
                wrong.append((name, field))
                continue
            for argument, given in getattr(known, "args", {}).items():
                same = other.args.get(argument)
                if same is None or (str(same.type), same.default_value) != (str(given.type), given.default_value):
                    wrong.append((name, field, argument))
            for argument, given in getattr(other, "args", {}).items():
                if is_required_argument(given) and argument not in known.args:
                    wrong.append((name, field, argument))
        wrong += [(name, value) for value in getattr(mine, "values", {}) if value not in theirs.values]
    return wrong


@pytest.mark.parametrize("file", ["schema.graphql", "schema-2026-07.graphql"])
def test_the_own_schema_is_part_of_the_vendors(file: str) -> None:
    folder = os.environ.get("CONTRACTS_DATA")
    if not folder:
        pytest.skip("CONTRACTS_DATA is not set")
    vendor = build_schema(Path(folder, "monday", file).read_text(encoding="utf-8"), assume_valid=True)
    assert missing(build_schema(OWN.read_text(encoding="utf-8")), vendor) == []
