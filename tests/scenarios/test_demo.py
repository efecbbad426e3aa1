"""The demo, as a stranger starts it: a process of its own, real servers, a real task cluster."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys

import pytest
from django.conf import settings

LIMIT = 170  # seconds; it takes some ten


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def demo(folder, port, *arguments):
    """Exit code, standard output, standard error."""
    # What the demo sets itself must not come from the tests' own environment.
    own = ("DATABASE_URL", "PUBLIC_URL", "STATIC_ROOT", "LOG_LEVEL", "DJANGO_SETTINGS_MODULE")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    command = [sys.executable, "manage.py", "demo", "--port", str(port), "--folder", str(folder), *arguments]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """One run, and a second one over what the first left."""
    folder = tmp_path_factory.mktemp("demo")
    port = free_port()
    return [demo(folder, port, "--once"), demo(folder, port, "--once")], folder, port


@pytest.mark.slow
def test_every_step_comes_out_as_expected_and_again_on_what_is_there(told):
    runs, _, _ = told
    for code, out, error in runs:
        assert code == 0, out + error
        assert "All steps came out as expected" in out
        assert not error


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        r"^Second sync .* nothing sent twice",
        r"^Webhook .* payment\.updated -> http://127\.0\.0\.1:\d+/webhooks/bill/",
        r"^Audit trail .* chain intact",
        r"^acme/ap: Sage 100 to BILL, payments back$",
        r"^acme/sap: SAP Business One to BILL, payments back$",
        r"^Kept back .* payment draft 1, not sent again",
        r"^ vendors +SAP Business One -> BILL +11 +7 created, 4 found by name",
        r"^ bills +SAP Business One -> BILL +28 +82,100\.14",
        r"^ bills in EUR +SAP Business One -> BILL +2 +9,101\.33",
        r"^ +of these +2,075\.86 +GS-21130: freight 120\.00",
        r"^ +of these +1,600\.00 +SE-5519: ",
        r"^ ACH +778120-09 +1,532\.77 +webhook +posted",
        r"^ check 20611 +BHL-90114, BHL-90240 +1,455\.30 +poll +posted",
        r"^ check 20612 +MLG-2257 +2,750\.00 +poll +posted once approved",
        r"^ account not mapped +LS-44018, LS-44391 +2,580\.00",
        r"^ vendors +Sage 100 -> BILL +7 +6 created, 1 found by name",
        r"^ bills +Sage 100 -> BILL +16 +12,318\.56",
        r"^ +of these +1,681\.25 +INV-20571: freight 85\.00 and tax",
        r"^ +of these +440\.50 +000779: ",
        r"^ ACH +000778 +1,890\.00 +webhook +posted",
        r"^ check 10482 +INV-20541, INV-20560 +1,562\.40 +poll +posted",
        r"^ check 10483 +10045 +1,000\.00 +poll +posted",
        r"^ check +#88 17 +215\.00 +poll +waits for its check number",
        r"^ account not mapped +NWP-44090 +64\.00",
        r"^ several vendors +Summit Electric",
        r"^ vendor record +City Utilities",
        r"^ payments +BILL -> Sage 100 +3 +4,452\.40 +3 posted",
        r"^ total: payable in Sage 100, unpaid in BILL +14,449\.29 +7,651\.16 +6,798\.13",
        r"^acme/invoices: BILL to Sage 300$",
        r"^Webhook .* bill\.created, bill\.updated, vendor\.created, vendor\.updated -> http://127\.0\.0\.1:\d+/webhooks",
        r"^Bills, told .* GS-10440 and MLG-2301 in one batch after \d+\.\d s, of which 1 s to collect notifications$",
        r"^Approved .* COP-20419 approved; BILL has no webhook for that, the next sync entered it$",
        r"^Posted .* 3 batches posted: 6 invoices seen as posted, IPC-0926 refused and held$",
        r"^ document exists +SE-2209 +1,205\.50 +Sage 300 already has invoice SE-2209 over +$",
        r"^ already +1,?225\.50 of this vendor",
        r"^ refused by the +IPC-0926 +1,318\.75 +G/L account 6400100 is inactive",
        r"^ vendors +BILL -> Sage 300 +8 +5 created, 3 found by name",
        r"^ bills +BILL -> Sage 300 +6 +3,954\.20 +approved, to the cent; GS-10417 was there by",
        r"^ +of these +300\.50 +GS-10433: each line on the account",
        r"^ Sage 300 refused to post it: IPC-0926 +1,318\.75 +0\.00 +1,318\.75",
        r"^ total: approved in BILL, entered in Sage 300 +7,754\.55 +5,592\.30 +2,162\.25",
        r"^acme/avid: Sage 100 to AvidXchange, payments back$",
        r"^Decided .* 4 invoices approved in AvidXchange; 0781 rejected there, held here$",
        r"^On their way .* nothing in Sage 100 before they settle$",
        r"^ check \d+ +INV-20541, INV-20560 +1,562\.40 +poll +posted",
        r"^ ACH \d{15} +SE/2210 +3,650\.00 +poll +posted",
        r"^ virtual card \d{4} +#88 17 +215\.00 +poll +posted",
        r"^ refused by the +0781 +75\.25 +AvidXchange has invoice 0781 as Rejected",
        r"^ codes +Sage 100 -> AvidXchange +42 +GL accounts and segments; 1 of them",
        r"^ bills +Sage 100 -> AvidXchange +18 +17,237\.31",
        r"^ scans +Sage 100 -> AvidXchange +2 +of INV-20541, NWP-44102",
        r"^ payments +AvidXchange -> Sage 100 +3 +5,427\.40 +3 posted",
        r"^ total: payable in Sage 100, unpaid in AvidXchange +13,474\.29 +11,809\.91 +1,664\.38",
        r"^acme/boards: Sage 100 to monday\.com$",
        r"^First sync .* 19 accounts, 13 vendors, 30 bills, 3 purchase orders delivered$",
        r"^Paid .* INV-20541 paid in Sage 100: its item says so, and is still approved by hand$",
        r"^Reconciled .* 65 records, each with one item that says what Sage 100 says$",
        r"^ bills +Sage 100 -> monday\.com +30 +Sage 100 ABC AP invoices: 17 columns",
    ],
)
def test_tells_what_moved_and_what_needs_attention(told, line):
    out = told[0][0][1]
    assert re.search(line, out, re.MULTILINE), out


@pytest.mark.slow
def test_the_tables_fit_a_hundred_columns(told):
    out = told[0][0][1]
    tables = [line for line in out.splitlines() if line.startswith((" ", "─"))]
    assert len(tables) > 30
    assert max(map(len, tables)) <= 100


@pytest.mark.slow
def test_leaves_no_process_behind(told):
    _, _, port = told
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))


def test_a_taken_port_is_said_before_anything_happens(tmp_path):
    folder = tmp_path / "untouched"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, _, error = demo(folder, port, "--once")
    assert code == 2
    assert f"port {port} of 127.0.0.1: address already in use" in error
    assert "--port" in error
    assert not folder.exists()
