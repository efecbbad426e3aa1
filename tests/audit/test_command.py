from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from audit.verify import verify

pytestmark = pytest.mark.django_db


def exported(capfdbinary, *arguments: str) -> list[dict[str, str]]:
    call_command("audit", "export", *arguments)
    out = capfdbinary.readouterr().out.decode()
    assert out.splitlines()[-1].startswith("# end rows=")
    return list(csv.DictReader(out.splitlines()[:-1]))


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        call_command("audit", *arguments)
    return caught.value


def test_export_to_standard_output_puts_the_manifest_on_standard_error(write: Callable[..., None], capfdbinary) -> None:
    write("acme", 3)
    call_command("audit", "export")
    out, err = capfdbinary.readouterr()
    assert json.loads(err)["sha256"] == sha256(out).hexdigest()
    assert json.loads(err)["rows"] == 3


def test_export_to_a_file_puts_the_manifest_beside_it(write: Callable[..., None], tmp_path: Path, capsys) -> None:
    write("acme", 2)
    write("bolt", 2)
    file = tmp_path / "trail.csv"
    call_command("audit", "export", "--tenant", "acme", "--from", "2026-11-02", "--out", str(file))

    manifest = json.loads((tmp_path / "trail.csv.manifest.json").read_text())
    assert manifest["sha256"] == sha256(file.read_bytes()).hexdigest()
    assert manifest["filters"] == {"tenant": "acme", "from": "2026-11-02"}
    assert manifest["rows"] == 1
    assert manifest["made_by"].startswith("command:")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trail.csv", "trail.csv.manifest.json"]


@pytest.mark.parametrize(
    ("period", "documents"),
    [
        (["--from", "2026-11-03"], ["INV-2", "INV-3", "INV-4"]),
        (["--to", "2026-11-03"], ["INV-0", "INV-1", "INV-2"]),
        (["--from", "2026-11-02", "--to", "2026-11-02"], ["INV-1"]),
        (["--from", "2026-11-02T12:00", "--to", "2026-11-03T12:00:00"], ["INV-1", "INV-2"]),
        (["--from", "2026-11-02T12:00:00.000001", "--to", "2026-11-03T11:59:59Z"], []),
        (["--from", "2026-11-02T07:00-05:00", "--to", "2026-11-02T12:00Z"], ["INV-1"]),
        (["--to", "20261101"], ["INV-0"]),
    ],
)
def test_days_are_utc_and_both_ends_belong_to_the_period(
    period: list[str], documents: list[str], write: Callable[..., None], capfdbinary
) -> None:
    write("acme", 5)
    assert [row["document"] for row in exported(capfdbinary, *period)] == documents


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "yesterday"], "--from 'yesterday' is not a date"),
        (["--to", "2026-13-01"], "--to '2026-13-01' is not a date"),
        (["--from", "2026-11-03", "--to", "2026-11-02"], "--from 2026-11-03 is after --to 2026-11-02"),
        (["--tenant", "acne"], "tenants with events: acme, bolt"),
        (["--out", "/nowhere/at/all.csv"], "cannot write /nowhere/at/all.csv"),
    ],
)
def test_export_says_what_is_wrong(arguments: list[str], message: str, write: Callable[..., None]) -> None:
    write("acme", 1)
    write("bolt", 1)
    error = refused("export", *arguments)
    assert error.returncode == 2
    assert message in str(error)


def test_a_file_that_could_not_be_finished_is_not_left_behind(write: Callable[..., None], tmp_path: Path) -> None:
    write("acme", 1)
    (tmp_path / "trail.csv").mkdir()
    assert refused("export", "--out", str(tmp_path / "trail.csv")).returncode == 2
    assert not (tmp_path / "trail.csv.partial").exists()


def test_a_reader_that_goes_away_leaves_a_failed_export_in_the_trail(write: Callable[..., None], monkeypatch) -> None:
    class Closed(io.RawIOBase):
        def write(self, data: object) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    write("acme", 1)
    monkeypatch.setattr("sys.stdout", SimpleNamespace(buffer=Closed()))
    error = refused("export")
    assert error.returncode == 2
    assert "standard output" in str(error)
    assert AuditEvent.objects.get(event="exported").outcome == "failed"
    assert verify().ok


def test_verify_says_ok_or_names_the_first_broken_record(
    write: Callable[..., None], tamper: Callable[..., None], capsys
) -> None:
    write("acme", 3)
    write("bolt", 3)
    call_command("audit", "verify")
    assert "OK: 6 events" in capsys.readouterr().out

    tamper("UPDATE audit_auditevent SET amount = '1.00' WHERE tenant = 'bolt' AND sequence = 2")
    error = refused("verify")
    assert error.returncode == 1
    assert "bolt" in str(error)
    assert "event 2" in str(error)
    call_command("audit", "verify", "--tenant", "acme")
    assert AuditEvent.objects.filter(event="exported").count() == 0


def test_verify_of_an_unknown_tenant_is_a_usage_error() -> None:
    error = refused("verify", "--tenant", "acme")
    assert error.returncode == 2
    assert "none yet" in str(error)
