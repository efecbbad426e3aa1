"""What goes wrong at monday's side beyond the ground's faults (docs: monday 5, 18)."""

from __future__ import annotations

from connectors.sandboxing import Fault

from .refusals import Refused, too_many

LEGACY_COMPLEXITY = (  # the error body of before 2025-01
    "Complexity budget exhausted, query cost 30001 budget remaining 19986 out of 1000000 reset in {seconds} seconds"
)


def refusal(fault: Fault) -> Refused | None:
    """The refusal of a fault kind of ours, None for another kind. `seconds` is the wait (default 1)."""
    seconds = max(int(fault.seconds), 1)
    found: dict[str, Refused] = {
        "locked": Refused("", "Resource is currently locked, please try again later", status=423, retry_in=seconds),
        "complexity": too_many(
            "COMPLEXITY_BUDGET_EXHAUSTED",
            "Complexity budget exhausted",
            seconds,
            complexity=6_182,
            complexity_budget_left=100,
            complexity_budget_limit=5_000_000,
        ),
        "rate_limit": too_many("Rate Limit Exceeded", "Minute limit rate exceeded", seconds),
        "ip_limit": too_many("IP_RATE_LIMIT_EXCEEDED", "IP rate limit exceeded", seconds),
        "field_limit": Refused(
            "FIELD_MINUTE_RATE_LIMIT_EXCEEDED",
            "Field minute rate limit exceeded",
            status_code=429,
            retry_in=seconds,
            announces=True,
        ),
        "blocked": Refused("API_TEMPORARILY_BLOCKED", "API temporarily blocked"),
        "internal_error": Refused("INTERNAL_SERVER_ERROR", "Internal server error", status_code=500),
    }
    return found.get(fault.kind)
