"""What the documentation shows must be true: files it names, commands it lists, the provision file it offers."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import certifi
import pytest
from django.core.management import get_commands

from connectors.avidxchange import profile
from integrations.provision.node import Reading
from integrations.provision.plan import Known
from integrations.provision.reading import read
from integrations.provision.schema import parse
from integrations.recipes import RECIPES

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text()
INTEGRATIONS = (ROOT / "docs" / "integrations.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    missing = [each for each in targets if "://" not in each and not (page.parent / each).exists()]
    assert not missing


def test_listed_commands_exist():
    table = README[README.index("## Commands") : README.index("## In production")]
    listed = set(re.findall(r"^\| `(\w+)", table, re.MULTILINE)) - {"manage"}
    assert len(listed) > 8
    assert listed <= get_commands().keys()


def test_the_provision_example_is_accepted(tmp_path):
    shutil.copy(certifi.where(), tmp_path / "acme-ca.pem")
    environ = {"FIONA_PASSWORD": "correct horse", "SAGE_API_KEY": "k" * 40, "BILL_PASSWORD": "p", "BILL_DEV_KEY": "d"}
    example = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    reading = Reading(environ, tmp_path)
    plan = parse(read(example[1].encode()), reading, lambda slug: Known(frozenset(), {}, {}))
    assert reading.errors == []
    assert plan.tenant.slug == "acme"
    assert [each.name for each in plan.integrations] == ["ap"]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_every_setting_and_mapping_table_of_an_integration_is_described(recipe):
    assert f"(`{recipe.name}`)" in README
    section = re.search(rf"^## {re.escape(recipe.label)}: `{recipe.name}`$(.*?)(?=^## |\Z)", INTEGRATIONS, re.M | re.S)
    assert section
    names = re.findall(r"^\| ((?:`\w+`(?:, )?)+)", section[1], re.M)
    described = [name for cell in names for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(described) == sorted(
        [*(each.name for each in recipe.settings), *(each.table for each in recipe.tables)]
    )


def test_the_profile_override_example_is_accepted():
    name, overrides = re.search(r"profile: (\S+)\n +profile_overrides: '(.*)'", INTEGRATIONS).groups()
    assert profile.load(name, overrides).query != profile.load(name).query
