"""Sage 100 and AvidXchange in a process of their own: `python -m tests.scenarios.scan_servers PROFILE`.

Prints both URLs as JSON; for each number it reads, so many invoices with scans of 8 MiB stand in Sage; ends with its
input.
"""

from __future__ import annotations

import json
import sys

from connectors.avidxchange.sandbox import AvidSandbox
from connectors.sage100.sandbox import Sage100Sandbox
from connectors.sandboxing import Running

SCAN = b"%PDF-1.7\n" + bytes(8 * 1024 * 1024)
PLACE = {"addressLine1": "12 Mill Rd", "city": "Dayton", "state": "OH", "zipCode": "45402", "countryCode": "USA"}


def main(profile: str) -> None:
    sage, avid = Sage100Sandbox(rate_per_second=0), AvidSandbox(profile)
    sage.do_add_vendor(vendor="ACME01", name="Acme Building Supply", **PLACE)
    with Running(sage) as sage_on, Running(avid) as avid_on:
        print(json.dumps([sage_on.url, avid_on.url]), flush=True)
        made = 0
        for line in sys.stdin:
            for number in range(made, made := made + int(line)):
                invoice = {"vendor": "ACME01", "invoice": f"INV-{number:03d}", "amount": "10.00"}
                sage.load(invoices=[{**invoice, "attachments": ["scan.pdf"]}])
            for each in sage.companies["ABC"].invoices:
                (scan,) = each.attachments
                scan.content, scan.size = SCAN, len(SCAN)
            print(avid.stats()["images"], flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
