"""The store behind the `Idempotency-Key` header of mutations (docs: monday 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .refusals import Refused

LIFE = timedelta(minutes=30)
LARGEST = 1_000_000  # bytes of an answer that is kept


@dataclass
class Kept:
    body: bytes  # of the request
    at: datetime
    answer: bytes | None = None  # None: still being executed


class Keys:
    """Per user and app. The same key with another body gets the first one's answer [assumed]."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Kept] = {}

    def begin(self, owner: str, key: str, body: bytes, now: datetime) -> Kept | None:
        """The execution to repeat, None for a first one. Raises Refused while the first is still running."""
        found = self.kept.get((owner, key))
        if found is None or (found.answer is not None and now >= found.at + LIFE):
            self.kept[(owner, key)] = Kept(body, now)
            return None
        if found.answer is None:
            message = "A request with this idempotency key is being processed"
            raise Refused("IDEMPOTENCY_CONFLICT", message, status=409, retry_in=1)
        return found

    def finish(self, owner: str, key: str, answer: bytes) -> None:
        if len(answer) > LARGEST:
            self.abandon(owner, key)
        else:
            self.kept[(owner, key)].answer = answer

    def abandon(self, owner: str, key: str) -> None:
        self.kept.pop((owner, key), None)
