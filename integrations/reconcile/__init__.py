"""Both sides of an integration compared to the cent, differences explained."""

from .compare import reconcile
from .result import Difference, Kind, Result

__all__ = ["Difference", "Kind", "Result", "reconcile"]
