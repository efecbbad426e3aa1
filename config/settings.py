"""All settings, read from the environment. `.env` beside manage.py is read too; the environment wins."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config.queueing import least_retry

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(os.environ.get("ENV_FILE", BASE_DIR / ".env"))


def required(name: str, purpose: str) -> str:
    """The value of a secret variable without which the product must not start."""
    value = os.environ.get(name, "").strip(" ,")
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set: {purpose}. Generate a value and keep it in .env (or in the environment) with\n"
            f"""  python3 -c "import secrets; print('{name}=' + secrets.token_urlsafe(48))" >> .env"""
        )
    return value


SECRET_KEY = required("SECRET_KEY", "it signs sessions and queued tasks")
FERNET_KEYS = [key.strip() for key in required("FERNET_KEYS", "it encrypts the stored credentials").split(",")]
FERNET_USE_HKDF = True  # any long random string is a key; changing this makes every stored secret unreadable

DEBUG = env.bool("DEBUG", default=False)
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
METRICS = env.bool("METRICS", default=False)

_public = urlsplit(PUBLIC_URL)
_https = _public.scheme == "https"

ALLOWED_HOSTS = [
    *env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"]),
    *([_public.hostname] if _public.hostname else []),
]
CSRF_TRUSTED_ORIGINS = [
    *env.list("CSRF_TRUSTED_ORIGINS", default=[]),
    *([f"https://{_public.netloc}"] if _https else []),
]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_q",
    "rest_framework",
    "rest_framework.authtoken",
    "axes",
    "simple_history",
    "config",
    "audit",
    "integrations",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- database -------------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def database() -> dict[str, Any]:
    """SQLite that several processes can write to, or PostgreSQL with kept connections."""
    config: dict[str, Any] = env.db("DATABASE_URL", default="sqlite:///db.sqlite3")
    if config["ENGINE"] != "django.db.backends.sqlite3":
        return {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, **config}
    # Relative to the project, so that web and cluster share it wherever they were started.
    config["NAME"] = str(BASE_DIR / config["NAME"])
    config["CONN_MAX_AGE"] = 600
    # Without WAL and IMMEDIATE together, concurrent writers fail with "database is locked".
    config["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA busy_timeout=20000;"
        "PRAGMA cache_size=-20000;PRAGMA journal_size_limit=27103364;",
    }
    # A file, so that threads and processes started by a test see the same data.
    config["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / f"ml-connector-test-{os.getpid()}.sqlite3")}
    return config


DATABASES = {"default": database()}

# --- files for people -----------------------------------------------------------------------------

EXPORTS_DIR = Path(env.str("EXPORTS_DIR", default=str(BASE_DIR / "exports")))  # lists that a setting asks for as files

# --- task queue -----------------------------------------------------------------------------------

Q_WORKERS = max(1, env.int("Q_WORKERS", default=2))
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()

Q_CLUSTER = {
    "name": "ml",
    "orm": "default",
    "workers": Q_WORKERS,
    "queue_limit": Q_WORKERS,
    "bulk": 1,
    "poll": 0.2,
    "timeout": 300,
    "retry": least_retry(timeout=300, queue_limit=Q_WORKERS, workers=Q_WORKERS),
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": -1,
    "recycle": 200,
    "max_rss": 400_000,
    "log_level": LOG_LEVEL,
}
if os.environ.get("Q_CLUSTER_NAME", "") not in ("", Q_CLUSTER["name"]):
    # django-q2 answers this with a KeyError in every command, before any system check could speak.
    raise ImproperlyConfigured("Q_CLUSTER_NAME must be unset: there is one task queue (no ALT_CLUSTERS).")

# --- people ---------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["config.login.LockoutBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_AGE = 12 * 3600

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 1  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # a stranger cannot lock a colleague out from elsewhere
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

AUDIT_TENANT_SCOPE = "integrations.access.tenants_of"  # who sees which tenants' audit events

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

# --- security -------------------------------------------------------------------------------------

SECURE_CSP = {
    "default-src": ["'self'"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_HSTS_SECONDS = 365 * 86400 if _https else 0
if env.bool("BEHIND_PROXY", default=False):  # only where a proxy always sets (and strips) this header
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000  # a page of 100 editable mapping rows
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# --- static files, mail, language, logging --------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [folder for folder in [BASE_DIR / "static"] if folder.is_dir()]
# A fresh checkout has nothing collected: the files are then served from where the apps keep them.
_collected = "collectstatic" in sys.argv or (STATIC_ROOT / "staticfiles.json").exists()
WHITENOISE_USE_FINDERS = not _collected
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _collected
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)

vars().update(env.email_url("EMAIL_URL", default="dummymail://"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"ml-connector@{_public.hostname}")

LANGUAGE_CODE = "en-us"
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"  # dates that read the same everywhere
USE_TZ = True
TIME_ZONE = "UTC"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "config.logs.LineFormatter"},
        "json": {"()": "config.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": env.str("LOG_FORMAT", default="text").lower()}
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {"django": {"handlers": [], "propagate": True}, "django.server": {"handlers": [], "propagate": True}},
}
