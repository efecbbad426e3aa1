"""Who may call: the headers of the active profile, tokens that end, two ways to get one (docs: avidxchange 4)."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

from connectors.sandboxing import json_response

from .refusals import Refused

MODES = ("static_tokens", "password_grant", "client_credentials")
TOKEN_PATH = "/oauth/token"  # noqa: S105 - where client credentials get their token
FORM = "application/x-www-form-urlencoded"


class Access:
    """The caller holds the sandbox's lock.

    credentials: company_token, user_token, username, password, client_id, client_secret, tenant, as the mode needs.
    headers: templates over {company_token}, {user_token}, {access_token} and {tenant}; default: the shape's own.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        mode: str,
        credentials: Mapping[str, str],
        headers: Mapping[str, str],
        lifetime: float,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"auth mode {mode!r} is not one of {', '.join(MODES)}")
        self.clock = clock
        self.mode = mode
        self.credentials = dict(credentials)
        self.headers = dict(headers)
        self.lifetime = timedelta(seconds=lifetime)
        self.revoked: set[str] = set()
        self.refused: Counter[str] = Counter()
        self.authorizations = 0
        self._issued: dict[str, datetime] = {}

    # --- every call ------------------------------------------------------------------------------

    def check(self, headers: Headers, only_company: bool = False) -> None:
        """Raise 401 for the first header that is missing or wrong."""
        for name, template in self.headers.items():
            if only_company and "{company_token}" not in template:
                continue
            if headers.get(name) not in self._accepted(template):
                reason = next((why for part, why in REASONS.items() if part in template), "InvalidHeader")
                self.refused[reason] += 1
                raise Refused(401, reason, f"{name} is missing or not valid.")

    def _accepted(self, template: str) -> list[str]:
        live = {name: value for name, value in self.credentials.items() if name not in self.revoked}
        if "{access_token}" in template:
            now = self.clock()
            tokens = [token for token, ends in self._issued.items() if now < ends]
            return [template.format(**live, access_token=token) for token in tokens]
        try:
            return [template.format(**live)]
        except KeyError:  # revoked
            return []

    def revoke(self, which: str) -> None:
        """company_token, user_token or any other credential for good; `access_token`: what was issued until now."""
        if which == "access_token":
            self._issued.clear()
        else:
            self.revoked.add(which)

    def restore(self, which: str) -> None:
        self.revoked.discard(which)

    # --- tokens ----------------------------------------------------------------------------------

    def authorize(self, request: Request, form: Mapping[str, str]) -> Response:
        """POST .../authorizations: the company token in its header, a password in the form (docs: avidxchange 4.2)."""
        self.check(request.headers, only_company=True)
        return self._grant(request, form, "password", ("username", "password"), 400, "invalid_grant")

    def exchange(self, request: Request, form: Mapping[str, str]) -> Response:
        """POST of client credentials (docs: avidxchange 4.3)."""
        return self._grant(request, form, "client_credentials", ("client_id", "client_secret"), 401, "invalid_client")

    def _grant(
        self, request: Request, form: Mapping[str, str], grant: str, names: tuple[str, str], status: int, error: str
    ) -> Response:
        if request.mimetype != FORM:
            raise Refused(415, "CONTENT_TYPE", f"Content-Type must be {FORM}.")
        if form.get("grant_type") != grant:
            return json_response({"error": "unsupported_grant_type", "error_description": f"Use {grant}."}, 400)
        if set(form) != {"grant_type", *names}:
            return json_response({"error": "invalid_request", "error_description": f"Send {', '.join(names)}."}, 400)
        right = all(form[name] == self.credentials[name] and name not in self.revoked for name in names)
        if not right:
            self.refused[error] += 1
            return json_response(
                {"error": error, "error_description": "The user name or password is incorrect."}, status
            )
        token = secrets.token_urlsafe(48)
        self._issued[token] = self.clock() + self.lifetime
        self.authorizations += 1
        seconds = int(self.lifetime.total_seconds())
        return json_response({"access_token": token, "token_type": "bearer", "expires_in": seconds})


REASONS = {
    "{company_token}": "InvalidCompanyToken",
    "{user_token}": "InvalidUserToken",
    "{access_token}": "InvalidUserToken",
    "{tenant}": "InvalidTenant",
}


def headers_for(mode: str, shape_headers: Mapping[str, str], tenant: bool) -> dict[str, str]:
    """The shape's templates for an auth mode; client credentials know one bearer and, optionally, the tenant."""
    if mode == "client_credentials":
        return {"Authorization": "Bearer {access_token}", **({"X-Tenant-Id": "{tenant}"} if tenant else {})}
    if mode == "password_grant":
        return {name: each.replace("{user_token}", "{access_token}") for name, each in shape_headers.items()}
    return dict(shape_headers)
