"""What a tenant configures and what runs, as tables."""

from .connection import Connection, SharedValue
from .delivery import Delivery, Reason, State
from .integration import Flow, Integration
from .lease import RateWindow, Slot
from .link import Application, Link
from .mapping import Mapping, MappingTable, Reference, ReferenceKind
from .run import Heartbeat, Run
from .tenant import Membership, Tenant
from .webhook import Hint, WebhookEvent, WebhookSubscription

__all__ = [
    "Application",
    "Connection",
    "Delivery",
    "Flow",
    "Heartbeat",
    "Hint",
    "Integration",
    "Link",
    "Mapping",
    "MappingTable",
    "Membership",
    "RateWindow",
    "Reason",
    "Reference",
    "ReferenceKind",
    "Run",
    "SharedValue",
    "Slot",
    "State",
    "Tenant",
    "WebhookEvent",
    "WebhookSubscription",
]
