"""The demo's chapters in the order in which they are told. A new one is a module here and its part of demo.yaml."""

from integrations.demo.chapter import Chapter

from .bill_sage300 import BillSage300
from .sage100_avidxchange import Sage100AvidXchange
from .sage100_bill import Sage100Bill
from .sage100_monday import Sage100Monday
from .sap_b1_bill import SapB1Bill

CHAPTERS: tuple[type[Chapter], ...] = (Sage100Bill, SapB1Bill, BillSage300, Sage100AvidXchange, Sage100Monday)
