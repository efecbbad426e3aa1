"""A faithful stand-in of BILL v3 over real HTTP: `<url>/connect` and `<url>/connect-events`.

    with Running(BillSandbox()) as running: ...

It enforces the contract's strict rules (docs: bill 13, 13.1) and is steered under `/_sandbox/` (see
`connectors.sandboxing`); the actions are the `do_*` methods of `actions.Actions`. Fault kinds of its own:
`expire_session` (every session dies, the request goes on) and `bdc` (the code in `body`, with `status` unless 500).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .actions import Actions
from .demo import EXAMPLE, load_demo

__all__ = ["EXAMPLE", "BillSandbox", "load_demo"]


class BillSandbox(Actions):
    """One organization with one set of credentials.

    token_logins: sync tokens, name -> value (sessions of 48 h that may not cancel or void).
    remembered_devices: rememberMeId -> device of MFA-trusted logins. Times are seconds.
    """

    def __init__(
        self,
        *,
        username: str = "ap-sync@example.com",
        password: str = "sandbox-password",  # noqa: S107 - opens nothing but this sandbox
        dev_key: str = "01SANDBOXDEVELOPERKEY",
        organization_id: str = "00801SANDBOXORGANIZA",
        duplicates_allowed: bool = False,
        in_flight_limit: int = 3,
        rate_limit_status: int = 422,
        session_idle: float = 35 * 60,
        hourly_limit: int = 20_000,
        login_limit: int = 200,
        token_logins: Mapping[str, str] | None = None,
        remembered_devices: Mapping[str, str] | None = None,
        webhook_retry_delays: Sequence[float] = (0.5, 1.0, 2.0),
        allow_http_webhooks: bool = True,
        unique_classifications: bool = True,
        partial_status: str = "PARTIALLY_PAID",
    ) -> None:
        super().__init__(
            username=username,
            password=password,
            dev_key=dev_key,
            organization_id=organization_id,
            in_flight_limit=in_flight_limit,
            rate_limit_status=rate_limit_status,
            session_idle=session_idle,
            hourly_limit=hourly_limit,
            login_limit=login_limit,
            token_logins=token_logins or {},
            remembered_devices=remembered_devices or {},
        )
        self.duplicates_allowed = duplicates_allowed
        self.webhook_retry_delays = tuple(webhook_retry_delays)
        self.allow_http_webhooks = allow_http_webhooks
        self.unique_classifications = unique_classifications
        self.partial_status = partial_status

    def state(self) -> dict[str, Any]:
        """Everything of the organization, as lists of API objects; subscriptions without their keys."""
        tables = {
            "vendors": self.vendors,
            "bills": self.bills,
            "payments": self.payments,
            "accounts": self.classes["chart-of-accounts"],
            "departments": self.classes["departments"],
            "banks": self.banks,
        }
        return {
            **{name: list(table.rows.values()) for name, table in tables.items()},
            "subscriptions": list(self.subscriptions.values()),
        }

    def stats(self) -> dict[str, Any]:
        attempts = [attempt for event in self.events.values() for attempt in event.attempts]
        delivered = sum(attempt["statusCode"] == 200 for attempt in attempts)
        webhooks = {"events": len(self.events), "attempts": len(attempts), "delivered": delivered}
        return {**self.access_stats(), "writes": dict(self.writes), "webhooks": webhooks}
