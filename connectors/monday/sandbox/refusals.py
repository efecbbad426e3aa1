"""What monday says no with: application errors inside HTTP 200 and transport errors (docs: monday 5)."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """One error. Raised in a resolver it nulls that alias only; raised before execution it is the whole answer.

    `status` is the HTTP status where it is the whole answer, `status_code` what the extensions say (default: the
    same). `retry_in` is in seconds; `announces` makes the caller wait so long, or be put in the journal.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 200,
        status_code: int | None = None,
        data: dict[str, Any] | None = None,
        retry_in: int | None = None,
        announces: bool = False,
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.retry_in, self.announces = message, status, retry_in, announces
        self.extensions: dict[str, Any] = {
            **({"code": code} if code else {}),
            "status_code": status if status_code is None else status_code,
            **({} if data is None else {"error_data": data}),
            **({} if retry_in is None else {"retry_in_seconds": retry_in}),
            **(more or {}),
        }

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_in is None else {"Retry-After": str(self.retry_in)}

    def body(self) -> dict[str, Any]:
        return {"errors": [{"message": self.message, "extensions": self.extensions}]}


def invalid(message: str, **data: Any) -> Refused:
    return Refused("InvalidArgumentException", message, data=data)


def not_found(what: str, id: Any) -> Refused:
    return Refused(
        "ResourceNotFoundException", f"{what} not found", status_code=404, data={"resource": what, "id": str(id)}
    )


def unauthorized(message: str = "User unauthorized to perform action") -> Refused:
    return Refused("UserUnauthorizedException", message, status_code=403)


def too_many(code: str, message: str, retry_in: int, *, announces: bool = True, **more: Any) -> Refused:
    return Refused(code, message, status=429, retry_in=retry_in, announces=announces, more=more)
