"""Who is signed in: sessions that idle out, the nodes they stick to, one login at a time (docs: sap_b1 2)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .errors import Refused, no_session

MAC = 0x0050568B11C2


@dataclass
class Session:
    id: str
    node: str
    used: datetime


class Sessions:
    """The server's sessions. The caller holds the sandbox's lock for every call.

    idle_minutes: unused for longer than that, a session is gone. nodes: how many the balancer has (".node1", ...).
    strict_route: a request without its session's ROUTEID lands on a node that does not know the session.
    """

    def __init__(self, clock: Callable[[], datetime], *, idle_minutes: int, nodes: int, strict_route: bool) -> None:
        self.clock = clock
        self.idle = timedelta(minutes=idle_minutes)
        self.nodes = [f".node{number}" for number in range(1, nodes + 1)]
        self.strict_route = strict_route
        self.broken = ""  # one node at most; it is repaired when another breaks
        self.logins = 0
        self.attempts = 0
        self.most = 0
        self._busy = False
        self._open: dict[str, Session] = {}

    def count(self) -> int:
        """Sessions that are open now."""
        now = self.clock()
        self._open = {each.id: each for each in self._open.values() if now - each.used <= self.idle}
        return len(self._open)

    def begin_login(self) -> None:
        """Hold the door while a login runs; another one in the meantime fails (docs: sap_b1 2.4)."""
        self.attempts += 1
        if self._busy:
            raise saml_failed()
        self._busy = True

    def end_login(self) -> None:
        self._busy = False

    def open(self, route: str) -> Session:
        """A new session. The balancer is sticky: a known `route` decides the node, broken or not."""
        node = route if route in self.nodes else self._next_node()
        session = Session(str(uuid.uuid1(MAC, 0)), node, self.clock())
        self._open[session.id] = session
        self.logins += 1
        self.most = max(self.most, self.count())
        return session

    def use(self, session_id: str, route: str) -> Session:
        """The live session of a request, touched; raises 401/301."""
        self.count()
        session = self._open.get(session_id)
        if session is None or (self.strict_route and route != session.node):
            raise no_session()
        session.used = self.clock()
        return session

    def drop(self, session_id: str) -> None:
        self._open.pop(session_id, None)

    def _next_node(self) -> str:
        sound = [node for node in self.nodes if node != self.broken] or self.nodes
        return sound[self.logins % len(sound)]


def saml_failed() -> Refused:
    return Refused(500, 299, "SAML Login Failed")
