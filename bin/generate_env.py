#!/usr/bin/env python3
"""Write the secrets that `.env` lacks, so that the product can start on this machine. Runs on bare Python."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

NAMES = ("SECRET_KEY", "FERNET_KEYS")


def complete(env_file: Path) -> list[str]:
    """Append a value for each missing name, readable by the owner only; returns the names."""
    text = env_file.read_text() if env_file.exists() else ""
    present = {line.split("=", 1)[0].removeprefix("export ").strip() for line in text.splitlines() if "=" in line}
    missing = [name for name in NAMES if name not in present]
    if missing:
        with os.fdopen(os.open(env_file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "a") as file:
            if text and not text.endswith("\n"):
                file.write("\n")
            file.writelines(f"{name}={secrets.token_urlsafe(48)}\n" for name in missing)
    return missing


if __name__ == "__main__":
    written = complete(Path(__file__).resolve().parent.parent / ".env")
    if written:
        print(f"Generated {' and '.join(written)} in .env. Keep it: stored credentials open with it only.")  # noqa: T201
