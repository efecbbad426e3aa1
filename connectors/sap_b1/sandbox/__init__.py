"""A faithful stand-in of the SAP Business One Service Layer over real HTTP: `<url>/b1s/v1` and `<url>/b1s/v2`.

    with Running(SapB1Sandbox()) as running: ...

It enforces the contract's strict rules (docs: sap_b1 12) and is steered under `/_sandbox/` (see
`connectors.sandboxing`); the actions are what people do in the client: the ledger's `actions()`.
"""

from .demo import EXAMPLE, load_demo
from .server import SapB1Sandbox

__all__ = ["EXAMPLE", "SapB1Sandbox", "load_demo"]
