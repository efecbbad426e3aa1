"""Errors as a tree of recovery strategies.

Whoever raises decides what is permanent; the engine decides when to try again. A message is written
for a finance manager and never holds a secret. `status`, `code` and `raw` (redacted, cut) are for the
audit trail.
"""

from __future__ import annotations


def sentence(text: str) -> str:
    """With a full stop, so that what to do about it can follow."""
    text = text.rstrip()
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."


class ConnectorError(Exception):
    """Base of everything a connector raises on purpose.

    `effect` says what is known of a write that raised it: `none` (nothing was written) or `unknown`.
    """

    effect = "none"
    reason = "rejected_by_target"

    def __init__(
        self, message: str, *, status: int | None = None, code: str | None = None, raw: str = "", reason: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.raw = raw
        if reason:
            self.reason = reason


class Transient(ConnectorError):
    """Try again later; the request had no effect. `retry_after` in seconds, None = the caller's schedule."""

    reason = "unreachable"

    def __init__(self, message: str, *, retry_after: float | None = None, **kwargs: object) -> None:
        super().__init__(message, **kwargs)  # type: ignore[arg-type]
        self.retry_after = retry_after


class Unreachable(Transient):
    """The system did not answer, or the request never left this machine."""


class BrokenOff(Unreachable):
    """A read's connection was opened, and ended before its answer did."""


class RateLimited(Transient):
    """A budget is used up. Parks the work; is no failure and no attempt."""


class RecordLocked(Transient):
    """Somebody has the record, batch or company open."""

    reason = "record_locked"


class AuthExpired(ConnectorError):
    """The session is no longer valid. A client signs in again once and repeats the call."""

    reason = "auth_failed"


class ConfigurationError(ConnectorError):
    """A person must change a setting; retrying is useless.

    `step` is what `ping` was doing (`tls`, `login`, `company`, ...), `fix` what to do about it.
    """

    def __init__(self, message: str, *, step: str = "", fix: str = "", **kwargs: object) -> None:
        super().__init__(sentence(message), **kwargs)  # type: ignore[arg-type]
        self.step = step
        self.fix = fix


class CredentialsRefused(ConfigurationError):
    """The system refused the credentials. Never retried unasked: accounts get locked out."""

    reason = "auth_failed"


class Rejected(ConnectorError):
    """The target refused the record (or the whole batch); nothing was written.

    `field` names the offending field where the vendor said so; `permanent` is False when the same
    request may succeed after somebody acted in the target (a period opened, say).
    """

    def __init__(self, message: str, *, field: str = "", **kwargs: object) -> None:
        super().__init__(message, **kwargs)  # type: ignore[arg-type]
        self.field = field


class NotFound(Rejected):
    """The addressed object does not exist."""


class Duplicate(Rejected):
    """The target already has it; `ref` is its id there when the answer says so."""

    reason = "duplicate_document"

    def __init__(self, message: str, *, ref: str = "", **kwargs: object) -> None:
        super().__init__(message, **kwargs)  # type: ignore[arg-type]
        self.ref = ref


class OutcomeUnknown(ConnectorError):
    """The request was sent and no usable answer came back: only a look-up can tell what happened."""

    effect = "unknown"
    reason = "outcome_unknown"


class BadAnswer(ConnectorError):
    """A read was answered with something that is not in the contract (broken JSON, HTML, wrong types)."""

    reason = "unreachable"
