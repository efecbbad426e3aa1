"""The vendors' sandboxes, started and steered by the name of their system."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

import requests

from connectors.sandboxing import Example, Running
from integrations.engine.context import SYSTEMS, load

HOST = "127.0.0.1"
PATIENCE = 30.0  # seconds for a sandbox to do what it was told


class PortTaken(Exception):
    """Something listens there already."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A running sandbox. `base_url`, `settings` and `credentials` are what a connection to it needs."""

    system: str
    running: Running
    example: Example

    @property
    def label(self) -> str:
        """The system's name as people read it."""
        return SYSTEMS[self.system].label

    @property
    def base_url(self) -> str:
        return self.running.url + self.example.path

    def act(self, name: str, /, **parameters: Any) -> dict[str, Any]:
        """Do what a person does in the vendor's own screens. Raises requests.RequestException."""
        url = f"{self.running.url}/_sandbox/actions/{name}"
        response = requests.post(url, json=parameters, timeout=PATIENCE)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def state(self) -> dict[str, Any]:
        """All its records, as its API shows them."""
        response = requests.get(f"{self.running.url}/_sandbox/state", timeout=PATIENCE)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer


def start(system: str, port: int = 0, **options: Any) -> Stand:
    """Serve a system's sandbox, filled with sample records, on loopback (port 0: a free one); `options` are the
    sandbox's own. Raises PortTaken."""
    if port:
        require_free(port)
    spec = SYSTEMS[system]
    sandbox = load(spec.sandbox)(**options)
    load(spec.sandbox_data)(sandbox)
    return Stand(system, Running(sandbox, HOST, port), load(spec.sandbox_example))


def require_free(port: int) -> None:
    """Raises PortTaken unless a server could listen on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OverflowError:
            raise PortTaken(f"{port} is no port") from None
        except OSError as error:
            why = (error.strerror or "it cannot be used").lower()
            raise PortTaken(f"port {port} of {HOST}: {why}") from None
