"""What can go wrong with a request, whoever serves it, and with BILL's in particular."""

from __future__ import annotations

from typing import Any

Faults = dict[str, dict[str, Any]]
Calls = dict[str, tuple[str, str]]  # method and what the path matches, by name

BILL_CALLS: Calls = {
    "create vendors": ("POST", "/vendors/bulk$"),
    "create bills": ("POST", "/bills/bulk$"),
    "update vendor": ("PATCH", "/vendors/"),
    "replace bill": ("PUT", "/bills/"),
    "archive bill": ("POST", "/archive$"),
    "restore bill": ("POST", "/restore$"),
    "BILL reads": ("GET", ""),
}
ANY: Faults = {
    "reset before": {"kind": "reset_before"},
    "reset after": {"kind": "reset_after"},
    "500": {"kind": "status", "status": 500, "body": "{}"},
    "500 after the write": {"kind": "status_after", "status": 500, "body": "{}"},
    "HTML 502": {"kind": "html"},
    "truncated": {"kind": "truncate"},
    "timeout before": {"kind": "hang_before", "seconds": 0.6},
    "timeout after": {"kind": "hang_after", "seconds": 0.6},
}
BILL_ONLY: Faults = {
    "too many at once": {"kind": "bdc", "body": "BDC_1322", "times": 2},
    "429": {"kind": "status", "status": 429, "body": "Too many requests", "times": 2},
    "hour used up": {"kind": "bdc", "body": "BDC_1144"},
    "session expired": {"kind": "expire_session"},
}
