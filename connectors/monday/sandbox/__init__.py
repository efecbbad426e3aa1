"""A strict stand-in of monday's GraphQL API over real HTTP: `<url>/v2`.

    with Running(MondaySandbox()) as running: ...

It enforces the contract's strict rules (docs: monday 18) and is steered under `/_sandbox/` (see
`connectors.sandboxing`); the actions are what people do on their boards: `Actions`.
"""

from .access import APP_TOKEN, READ_TOKEN, TOKEN, VIEWER_TOKEN
from .demo import EXAMPLE, load_demo
from .server import MondaySandbox

__all__ = ["APP_TOKEN", "EXAMPLE", "READ_TOKEN", "TOKEN", "VIEWER_TOKEN", "MondaySandbox", "load_demo"]
