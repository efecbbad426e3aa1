"""The file's shape: what may stand where. Collects every error with its path; pure: no database, no network."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from integrations.access import ROLES

from .connections import read_connection
from .integrations import read_integration, read_mappings, refuse_twins
from .node import Node, Reading
from .plan import Known, Plan, TenantPlan, UserPlan

NAME = r"[-a-zA-Z0-9_]{1,50}"  # stands in URLs and on the command line
USERNAME = r"[\w.@+-]{1,150}"
SHORTEST_PASSWORD = 8


def parse(tree: Any, reading: Reading, known_of: Callable[[str], Known]) -> Plan:
    """The plan in `tree`, to be used only when `reading.errors` stays empty.

    `known_of` tells what the tenant with a slug has already.
    """
    root = Node(tree, "", reading)
    if not isinstance(tree, dict):
        root.error("the file must begin with `version: 1` and a tenant")
        return Plan(TenantPlan(""))
    root.only(("version", "tenant", "users", "connections", "integrations", "mappings"))
    if root.child("version").text(required=True) not in ("1", ""):
        root.child("version").error("only version 1 is known")
    slug = root.child("tenant").child("slug").text(required=True, pattern=NAME)
    known = known_of(slug)
    connections = [
        connection
        for name, node in _named(root.child("connections"))
        if (connection := read_connection(name, node, known)) is not None
    ]
    systems = {**known.connections, **{each.name: each.system for each in connections}}
    integrations = [
        integration
        for name, node in _named(root.child("integrations"))
        if (integration := read_integration(name, node, known, systems)) is not None
    ]
    refuse_twins(root.child("integrations"), integrations, known)
    recipes = {name: recipe for name, (recipe, _, _) in known.integrations.items()}
    recipes |= {each.name: each.recipe for each in integrations}
    return Plan(
        _tenant(slug, root.child("tenant")),
        tuple(_users(root.child("users"), known)),
        tuple(connections),
        tuple(integrations),
        read_mappings(root.child("mappings"), recipes),
    )


def _named(node: Node) -> Iterator[tuple[str, Node]]:
    for name, child in node.items():
        if re.fullmatch(NAME, name):
            yield name, child
        else:
            child.error("a name has up to 50 letters, digits, - and _")


def _tenant(slug: str, node: Node) -> TenantPlan:
    node.only(("slug", "name", "time_zone", "currency"))
    zone = node.child("time_zone").text()
    if zone and zone not in zoneinfo.available_timezones():
        node.child("time_zone").error(f"'{zone}' is not a time zone; use a name such as America/Chicago")
    return TenantPlan(
        slug,
        node.child("name").text() or None,
        zone or None,
        node.child("currency").text(pattern=r"[A-Z]{3}") or None,
    )


def _users(node: Node, known: Known) -> Iterable[UserPlan]:
    seen = set()
    for each in node.elements():
        user = _user(each, known)
        if user.username and user.username in seen:
            each.error(f"the user '{user.username}' is given twice")
        seen.add(user.username)
        yield user


def _user(node: Node, known: Known) -> UserPlan:
    node.only(("username", "role", "password"))
    username = node.child("username").text(required=True, pattern=USERNAME)
    place = node.child("password")
    password = place.text(required=username not in known.users, longest=1000)
    if password and len(password) < SHORTEST_PASSWORD:
        place.error(f"must have at least {SHORTEST_PASSWORD} characters")
    elif password and password.casefold() == username.casefold():
        place.error("must not be the user name")
    return UserPlan(username, node.child("role").choice(ROLES, "role"), password or None)
