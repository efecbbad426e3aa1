"""The product's settings under test: an environment of its own, no .env, quick passwords.

`DATABASE_URL=postgresql://... pytest` runs the whole suite on PostgreSQL instead of SQLite.
"""

from __future__ import annotations

import os
import tempfile

os.environ["ENV_FILE"] = os.devnull  # a developer's .env must not decide what tests see
os.environ.setdefault("SECRET_KEY", "tests-only-secret-key-0123456789-abcdefghijklmnopqrstuvwxyz")
os.environ.setdefault("FERNET_KEYS", "tests-only-fernet-key-0123456789-abcdefghijklmnopqrstuvwxyz")
os.environ.setdefault("LOG_LEVEL", "WARNING")
# An empty folder: what somebody collected in the project must not decide which names pages use.
os.environ.setdefault("STATIC_ROOT", os.path.join(tempfile.gettempdir(), "ml-connector-nothing-collected"))
os.environ.setdefault("EXPORTS_DIR", os.path.join(tempfile.gettempdir(), f"ml-connector-exports-{os.getpid()}"))
os.makedirs(os.environ["STATIC_ROOT"], exist_ok=True)

from config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
