from __future__ import annotations

from pathlib import Path

from bin.generate_env import complete


def test_a_new_file_is_for_the_owner_only_and_is_never_rewritten(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    assert complete(env_file) == ["SECRET_KEY", "FERNET_KEYS"]
    assert env_file.stat().st_mode & 0o777 == 0o600
    first = env_file.read_text()
    assert all(len(line.split("=", 1)[1]) >= 50 for line in first.splitlines())
    assert complete(env_file) == []
    assert env_file.read_text() == first


def test_what_somebody_wrote_stays(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("DEBUG=on\nSECRET_KEY=mine")
    assert complete(env_file) == ["FERNET_KEYS"]
    lines = env_file.read_text().splitlines()
    assert lines[:2] == ["DEBUG=on", "SECRET_KEY=mine"]
    assert lines[2].startswith("FERNET_KEYS=")
