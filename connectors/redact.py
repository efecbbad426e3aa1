"""What may be shown of an exchange: secrets masked by header, by JSON member and by literal value.

Text is cut before it is searched, so that a bulk body of 100 KB costs no more than a short one.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

MASK = "***"
EXCERPT = 2000  # characters of a body that the audit trail keeps

# A shorter value would mask half of every text; such a secret is still masked by its header or member name.
_SHORTEST_LITERAL = 4

_SECRET_HEADER = re.compile(
    r"authorization|cookie|api-?key|token|secret|session-?id|dev-?key|password|signature", re.IGNORECASE
)
_MEMBER_NAMES = (
    r"password|passwd|dev_?key|session_?id|security_?key|api_?key|secret|client_?secret|access_?token|"
    r"refresh_?token|api_?token|company_?token|user_?token|authorization|routing_?number|tax_?id|"
    r"tax_?payer_?id|iban|mfa_?id|remember_?me_?id"
)
_VALUE = r'(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|[^\s,}\]"]+)'  # a text (the cut may have taken its end) or a bare word
_JSON_MEMBER = re.compile(rf'("(?:{_MEMBER_NAMES})"\s*:\s*)(?!null|""){_VALUE}', re.IGNORECASE)
_FORM_MEMBER = re.compile(rf"(?<![\w-])((?:{_MEMBER_NAMES})=)[^&\s\"]+", re.IGNORECASE)
_XML_MEMBER = re.compile(rf"(<(?:\w+:)?(?:{_MEMBER_NAMES})\b[^>]*>)[^<]+", re.IGNORECASE)
_BANK_ACCOUNT = re.compile(r'"\w*bank_?account"\s*:\s*\{[^{}]*', re.IGNORECASE)
_ACCOUNT_NUMBER = re.compile(rf'("account_?number"\s*:\s*)(?!null|""){_VALUE}', re.IGNORECASE)


def _spellings(secret: str) -> set[str]:
    """The same secret as it may stand in JSON, in a URL, in a form or in Basic authentication."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        quote_plus(secret),
        base64.b64encode(secret.encode()).decode(),
    }


class Redactor:
    """Masks the given literal secrets and everything that is secret by its name."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._literal: re.Pattern[str] | None = None
        self._longest = 0
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Learn further secrets (a session id, say). Values of fewer than 4 characters are left to their names."""
        new = {
            spelling
            for secret in secrets
            if len(secret.strip()) >= _SHORTEST_LITERAL
            for spelling in _spellings(secret) | _spellings(secret.strip())
        }
        if new <= self._known:
            return
        known = self._known | new
        ordered = sorted(known, key=len, reverse=True)
        self._longest = len(ordered[0])
        self._literal = re.compile("|".join(map(re.escape, ordered)))
        self._known = known

    def __repr__(self) -> str:
        return f"Redactor({len(self._known)} secrets)"

    def literals(self, text: str) -> str:
        """Mask only the known values: for messages and URLs."""
        return self._literal.sub(MASK, text) if self._literal else text

    def text(self, text: str, limit: int = EXCERPT) -> str:
        """The text, cut to `limit` characters and masked."""
        # A secret that the cut would split must still be recognised, hence the margin.
        shown = self.literals(text[: limit + self._longest])
        shown = _BANK_ACCOUNT.sub(lambda found: _ACCOUNT_NUMBER.sub(rf'\1"{MASK}"', found.group()), shown)
        shown = _JSON_MEMBER.sub(rf'\1"{MASK}"', shown)
        shown = _FORM_MEMBER.sub(rf"\1{MASK}", shown)
        shown = _XML_MEMBER.sub(rf"\1{MASK}", shown)
        if len(text) <= limit:
            return shown
        # The last characters of the margin may be the beginning of a secret.
        return shown[: max(0, min(limit, len(shown) - self._longest))] + "…"

    def url(self, url: str) -> str:
        return self.text(re.sub(r"//[^/@\s]*@", "//", url))

    def body(self, body: bytes, limit: int = EXCERPT) -> str:
        """The body as text, cut and masked; bytes that are no text are only counted."""
        head = body[: 4 * (limit + self._longest)].decode("utf-8", errors="replace")
        if head.count("\ufffd") > 8 or "\x00" in head:
            return f"<{len(body)} bytes>"
        return self.text(head, limit)

    def headers(self, headers: Mapping[str, str]) -> str:
        """One `name: value` a line."""
        return "\n".join(
            f"{name}: {MASK if _SECRET_HEADER.search(name) else self.literals(value)}"
            for name, value in headers.items()
        )
