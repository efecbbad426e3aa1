"""The file's integrations and their mapping tables, by what each recipe says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from integrations.models import MappingTable
from integrations.recipes import RECIPES
from integrations.recipes.base import Recipe, SettingSpec, TableSpec
from integrations.wording import listed, unknown

from .node import Node
from .plan import FlowPlan, IntegrationPlan, Known, Row


def read_integration(name: str, node: Node, known: Known, systems: Mapping[str, str]) -> IntegrationPlan | None:
    """One integration, None when its recipe is not known. `systems` by the name of every usable connection."""
    node.only(("recipe", "source", "target", "start_date", "settings", "flows"))
    recipe = RECIPES.get(node.child("recipe").choice(RECIPES, "recipe"))
    if recipe is None:
        return None
    exists = name in known.integrations
    if exists and known.integrations[name][0] != recipe.name:
        node.child("recipe").error(
            f"is {known.integrations[name][0]} and cannot become {recipe.name}: use another name for the integration"
        )
    start_date = node.child("start_date").day()
    if start_date is None and not exists and "start_date" not in node:
        node.child("start_date").error("missing: documents dated earlier are left alone")
    return IntegrationPlan(
        name,
        recipe.name,
        _connection(node.child("source"), recipe, recipe.source, systems),
        _connection(node.child("target"), recipe, recipe.target, systems),
        start_date,
        _settings(node.child("settings"), recipe) if "settings" in node else None,
        _flows(node.child("flows"), recipe),
    )


def _connection(node: Node, recipe: Recipe, wanted: str, systems: Mapping[str, str]) -> str:
    name = node.choice(systems, "connection")
    if name and systems[name] != wanted:
        fitting = [each for each, system in systems.items() if system == wanted]
        hint = f"; use {listed(fitting)}" if fitting else ""
        node.error(f"'{name}' is {systems[name]}, {recipe.name} needs {wanted} here{hint}")
    return name


def _settings(node: Node, recipe: Recipe) -> dict[str, Any]:
    node.only([spec.name for spec in recipe.settings], "setting")
    values = {spec.name: _setting(node.child(spec.name), spec) for spec in recipe.settings if spec.name in node}
    return {name: value for name, value in values.items() if value is not None}


def _setting(node: Node, spec: SettingSpec) -> Any:
    if spec.kind == "bool":
        return node.boolean()
    if spec.kind == "number":
        return node.number(spec.between)
    if spec.kind == "choice":
        return node.choice(spec.choices, "choice")
    if spec.kind == "list":
        several = node.elements() if isinstance(node.value, list) else [node]
        texts = (each.choice(spec.choices, "choice") if spec.choices else each.text(required=True) for each in several)
        return list(dict.fromkeys(texts))
    if spec.kind == "map" and isinstance(node.value, dict):
        return {name: child.text(required=True, pattern=spec.pattern) for name, child in node.items()}
    return node.text(pattern=spec.pattern)


def _flows(node: Node, recipe: Recipe) -> dict[str, FlowPlan]:
    node.only([flow.name for flow in recipe.flows], "flow")
    return {
        name: FlowPlan(child.only(("every", "enabled")).child("every").duration(), child.child("enabled").boolean())
        for name, child in node.items()
    }


def refuse_twins(node: Node, integrations: Iterable[IntegrationPlan], known: Known) -> None:
    """Two integrations of one recipe over the same connections would both claim the same documents."""
    planned = {each.name: (each.recipe, each.source, each.target) for each in integrations}
    owners = {what: name for name, what in known.integrations.items() if name not in planned}
    for name, what in planned.items():
        recipe, source, target = what
        owner = owners.setdefault(what, name)
        if owner != name and source and target:
            node.child(name).error(
                f"'{owner}' handles the documents from {source} to {target} already ({recipe}): "
                "change that one, or use other connections"
            )


def read_mappings(node: Node, recipes: Mapping[str, str]) -> dict[str, dict[str, tuple[Row, ...]]]:
    """The rows by integration and table. `recipes` by the name of every usable integration."""
    node.only(recipes, "integration")
    return {
        name: _tables(child, RECIPES[recipes[name]])
        for name, child in node.items()
        if name in recipes and recipes[name] in RECIPES
    }


def _tables(node: Node, recipe: Recipe) -> dict[str, tuple[Row, ...]]:
    """The rows of the recipe's tables. Other recipes' tables are no error: one file may serve several recipes."""
    tables = {}
    for name, child in node.items():
        spec = recipe.table(name)
        if spec is not None:
            tables[name] = _rows(child, spec)
        elif name in MappingTable.values:
            child.remark(f"{recipe.name} has no such table, ignored")
        else:
            child.error(unknown("mapping table", name, [str(each.table) for each in recipe.tables]))
    return tables


def _rows(node: Node, spec: TableSpec) -> tuple[Row, ...]:
    rows: dict[tuple[str, str, str], Row] = {}
    for place, row in _written(node, tuple(spec.ends())):
        if not row.source or not row.target:
            continue
        if spec.source.words and spec.source.kind is None and row.source not in spec.source.words:
            place.error(unknown("amount" if spec.table == "amounts" else "source", row.source, spec.source.words))
        elif row.rule in rows:
            place.error(f"the source '{' · '.join(filter(None, row.rule))}' is given twice")
        else:
            rows[row.rule] = row
    return tuple(rows.values())


def _written(node: Node, columns: tuple[str, ...]) -> Iterator[tuple[Node, Row]]:
    """Each row and its place: a list of rows by column, or `source: target` lines, nested ones dotted."""
    if isinstance(node.value, list):
        for each in node.elements():
            each.only(columns)
            texts = {name: each.child(name).text(required=name in ("source", "target")).strip() for name in columns}
            yield each, Row(**texts, path=each.path)
        return
    for name, child in node.items():
        if isinstance(child.value, dict):
            for place, row in _written(child, columns):
                yield place, replace(row, source=f"{name}.{row.source}")
        else:
            yield child, Row(name, child.text(required=True).strip(), child.path)
