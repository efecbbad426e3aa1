"""The integrations the product knows, each one table."""

from .base import Recipe
from .bill_sage300 import BILL_SAGE300
from .sage100_avidxchange import SAGE100_AVIDXCHANGE
from .sage100_bill import SAGE100_BILL
from .sage100_monday import SAGE100_MONDAY
from .sap_b1_bill import SAP_B1_BILL

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (SAGE100_BILL, SAP_B1_BILL, BILL_SAGE300, SAGE100_AVIDXCHANGE, SAGE100_MONDAY)
}
