"""Log lines: one line a record, as text or as JSON, without secrets."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

from connectors.redact import MASK

#: Attributes every record has; whatever else a caller passed as `extra` belongs into the JSON line.
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request", "server_time"}

#: `name=value`, `"name": "value"` and `Name: value` for names that only ever carry secrets.
_SECRET = re.compile(
    r"""(?P<name>["']?(?:authorization|x-api-key|[\w-]*(?:password|passwd|secret(?:_key)?|fernet_keys?|token|api_?key|dev_?key|session_?id|cookie))["']?\s*[=:]\s*)"""
    r"""(?P<value>"[^"]*"|'[^']*'|(?:(?:Basic|Bearer)\s+)?[^\s,;&}]+)""",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]*(?=@)")


def scrub(text: str) -> str:
    """`text` without the values of secrets. The last resort: whoever logs should not pass them at all."""
    return _USER_INFO.sub(MASK, _SECRET.sub(rf"\g<name>{MASK}", text))


class LineFormatter(logging.Formatter):
    """`time LEVEL logger: message`, a traceback folded into the same line."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record)).replace("\r", "").replace("\n", "\\n")


class JsonFormatter(LineFormatter):
    """One JSON object a record, with whatever the caller passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": scrub(record.getMessage()),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[name] = MASK if _SECRET.match(f"{name}=x") else scrub(str(value))
        if record.exc_info:
            line["traceback"] = scrub(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
