"""The import contracts of pyproject.toml: this tree keeps them, and planted imports show that they catch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: A house in which every door is used the right way.
HOUSE = {
    "connectors/domain.py": "",
    "connectors/ports.py": "from . import domain",
    "connectors/errors.py": "",
    "connectors/transport.py": "from . import errors",
    "connectors/sandboxing.py": "",
    "connectors/registry.py": "from . import ports",
    "connectors/bill/config.py": "from .. import ports",
    "connectors/bill/client.py": "from .. import transport\nfrom . import config",
    "connectors/bill/mapper.py": "from .. import domain\nfrom . import config",
    "connectors/bill/sandbox.py": "from .. import sandboxing",
    "connectors/bill/connector.py": "from . import client, mapper",
    "connectors/sage100/client.py": "from .. import transport",
    "audit/chain.py": "import django",
    "config/settings.py": "import environ",
    "integrations/fields.py": "",
    "integrations/tasks.py": "from integrations.engine import run",
    "integrations/models/run.py": "from integrations import fields\nfrom . import link",
    "integrations/models/link.py": "",
    "integrations/engine/vocabulary.py": "from connectors import domain",
    "integrations/engine/context.py": "from connectors import registry",
    "integrations/engine/run.py": "from integrations import models\nfrom audit import chain\nfrom . import context",
    "integrations/flows/bills.py": "from connectors import domain, ports\nfrom integrations.engine import vocabulary",
    "integrations/recipes/pair.py": "from integrations.flows import bills",
    "integrations/admin/screens.py": "from integrations.engine import context\nfrom audit import chain",
    "integrations/management/commands/sync.py": "from integrations.engine import run",
}

PLANTED = {
    ("connectors/domain.py", "import django"),
    ("connectors/errors.py", "from audit import chain"),
    ("connectors/sage100/client.py", "from connectors.bill import config"),
    ("connectors/bill/mapper.py", "from . import client"),
    ("connectors/bill/mapper.py", "from ..transport import x"),
    ("connectors/bill/sandbox.py", "from . import mapper"),
    ("connectors/bill/sandbox.py", "from .. import domain"),
    ("audit/chain.py", "from connectors import errors"),
    ("audit/chain.py", "from integrations import models"),
    ("integrations/flows/bills.py", "from connectors import registry"),
    ("integrations/flows/bills.py", "from connectors.transport import x"),
    ("integrations/flows/bills.py", "from integrations.engine import run"),
    ("integrations/recipes/pair.py", "from connectors.bill import config"),
    ("integrations/admin/screens.py", "from connectors import registry"),
    ("integrations/management/commands/sync.py", "from connectors.bill import sandbox"),
    ("integrations/models/run.py", "from integrations.engine import vocabulary"),
    ("integrations/models/link.py", "from integrations import tasks"),
    ("integrations/engine/run.py", "from integrations.admin import screens"),
    ("integrations/engine/run.py", "from integrations import tasks"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    environment = {**os.environ, "COLUMNS": "300"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "tests/doors.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name, text in HOUSE.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
        for folder in file.relative_to(tmp_path).parents[:-1]:
            (tmp_path / folder / "__init__.py").touch()
    return tmp_path


def test_a_house_with_its_doors_used_rightly_passes(house: Path) -> None:
    done = lint(house)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(("file", "line"), sorted(PLANTED))
def test_a_planted_import_is_caught(house: Path, file: str, line: str) -> None:
    with (house / file).open("a") as source:
        source.write(line + "\n")
    done = lint(house)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = done.stdout.split("Broken contracts")[1]
    assert file.removesuffix(".py").replace("/", ".") in broken


def test_this_house_passes() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
