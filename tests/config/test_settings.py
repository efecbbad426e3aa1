"""The settings as a command sees them: each test starts a process with an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"SECRET_KEY": "s" * 50, "FERNET_KEYS": "f" * 50}


def python(code: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **environment}
    return subprocess.run([sys.executable, *code], cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60)


def setting(expression: str, **environment: str) -> object:
    done = python(
        ["-c", f"import json; from config import settings as s; print(json.dumps({expression}))"],
        **{**KEYS, **environment},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("missing", ["SECRET_KEY", "FERNET_KEYS"])
@pytest.mark.parametrize("value", [None, "", " , "])
def test_commands_refuse_to_start_without_a_secret(missing: str, value: str | None) -> None:
    given = {name: key for name, key in KEYS.items() if name != missing} | ({missing: value} if value else {})
    done = python(["manage.py", "check"], **given)
    assert done.returncode == 2
    assert done.stdout == ""
    assert missing in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_it_names_generates_a_value_that_starts_the_product(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    for _ in KEYS:
        done = python(["manage.py", "check"], ENV_FILE=str(env_file))
        assert done.returncode == 2
        command = done.stderr.splitlines()[1].strip()
        subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, timeout=60)
    done = python(["manage.py", "check"], ENV_FILE=str(env_file))
    assert done.returncode == 0, done.stderr
    first, second = (line.split("=")[1] for line in env_file.read_text().splitlines())
    assert first != second


def test_another_queue_name_is_refused_in_words() -> None:
    done = python(["manage.py", "check"], **KEYS, Q_CLUSTER_NAME="slow")
    assert done.returncode == 2
    assert "Q_CLUSTER_NAME" in done.stderr
    assert "Traceback" not in done.stderr


def test_sqlite_is_shared_wherever_a_process_was_started() -> None:
    name = setting("s.DATABASES['default']['NAME']")
    assert name == str(ROOT / "db.sqlite3")
    assert (
        setting("s.DATABASES['default']['NAME']", DATABASE_URL="sqlite:////var/lib/ml.sqlite3") == "/var/lib/ml.sqlite3"
    )


def test_postgresql_keeps_and_checks_its_connections() -> None:
    database = setting("s.DATABASES['default']", DATABASE_URL="postgresql://ml:pw@db.example:5433/ml?sslmode=require")
    assert isinstance(database, dict)
    assert (database["CONN_MAX_AGE"], database["CONN_HEALTH_CHECKS"]) == (60, True)
    assert (database["HOST"], database["PORT"], database["OPTIONS"]) == ("db.example", 5433, {"sslmode": "require"})


@pytest.mark.parametrize("workers", ["1", "2", "7"])
def test_any_number_of_workers_passes_the_checks(workers: str) -> None:
    done = python(["manage.py", "check"], **KEYS, Q_WORKERS=workers)
    assert done.returncode == 0, done.stderr
    assert setting("s.Q_CLUSTER['workers']", Q_WORKERS=workers) == int(workers)


def test_an_https_address_turns_the_protections_on() -> None:
    names = "[s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0]"
    assert setting(names, PUBLIC_URL="https://ml.acme.example/") == [True, True, True]
    assert setting(names) == [False, False, False]
    assert setting("[s.ALLOWED_HOSTS, s.CSRF_TRUSTED_ORIGINS]", PUBLIC_URL="https://ml.acme.example:8443") == [
        ["localhost", "127.0.0.1", "[::1]", "ml.acme.example"],
        ["https://ml.acme.example:8443"],
    ]


def test_debug_and_metrics_are_off_unless_asked_for() -> None:
    assert setting("[s.DEBUG, s.METRICS]") == [False, False]
    assert setting("[s.DEBUG, s.METRICS]", DEBUG="on", METRICS="true") == [True, True]


def test_a_fresh_checkout_serves_plain_files_and_a_collected_one_hashed_names(tmp_path: Path) -> None:
    environment = {**KEYS, "STATIC_ROOT": str(tmp_path / "static")}
    backend = "s.STORAGES['staticfiles']['BACKEND'].rpartition('.')[2]"
    assert setting(backend, **environment) == "StaticFilesStorage"
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "staticfiles.json").write_text("{}")
    assert setting(backend, **environment) == "CompressedManifestStaticFilesStorage"
