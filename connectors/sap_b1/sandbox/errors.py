"""How the Service Layer says no: one code, one text, and an envelope that differs by version (docs: sap_b1 3)."""

from __future__ import annotations

from typing import Any

INVALID_SESSION = "Invalid session or session already timeout."


class Refused(Exception):
    """Ends a request with the HTTP `status`, SAP's numeric `code` and its `text`; nothing was done."""

    def __init__(self, status: int, code: int, text: str) -> None:
        self.status = status
        self.code = code
        self.text = text
        super().__init__(f"{code} {text}")


def envelope(version: int, code: int, text: str) -> dict[str, Any]:
    """The body of an error. Code a number and message an object in v1, both plain strings in v2."""
    if version == 1:
        return {"error": {"code": code, "message": {"lang": "en-us", "value": text}}}
    return {"error": {"code": str(code), "details": [{"code": "", "message": ""}], "message": text}}


def no_session() -> Refused:
    return Refused(401, 301, INVALID_SESSION)


def bad_query(text: str) -> Refused:
    """A query option the server cannot use."""
    return Refused(400, 201, text)


def not_found(text: str = "No matching records found (ODBC -2028)") -> Refused:
    return Refused(404, -2028, text)


def unrecognized(path: str) -> Refused:
    """An entity set, function or option that does not exist [assumed]."""
    return Refused(400, -1002, f"Unrecognized resource path: {path}")
