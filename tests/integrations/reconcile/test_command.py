"""`manage.py reconcile`: exit codes, one JSON object, a table with a conclusion, a CSV that is safe to open."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from integrations.models import Connection


def run(*arguments):
    out = StringIO()
    try:
        call_command("reconcile", *arguments, stdout=out)
        code = 0
    except SystemExit as done:
        code = done.code
    return code, out.getvalue()


def test_equal_sides(world):
    code, text = run("acme/ap")
    assert code == 0
    assert "Both sides are equal" in text
    assert "350.50 USD" in text


def test_json_is_one_object_with_every_difference(world):
    world.sage.do_pay_in_sage("01", "ACME01", "INV-1", amount="40.00")
    code, text = run("acme/ap", "--json")
    data = json.loads(text)
    assert code == 1
    assert data["ok"] is False
    assert data["compared"]["bills"] == 2
    assert data["totals"]["difference"] == "-40.00"
    (difference,) = data["differences"]
    assert set(difference) == {"kind", "document", "key", "source", "target", "difference", "message", "currency"}
    assert (difference["kind"], difference["document"]) == ("amount", "INV-1")
    assert (difference["source"], difference["target"], difference["difference"]) == ("60.00", "100.00", "-40.00")


def test_the_table_ends_with_a_conclusion(world):
    world.sage.do_pay_in_sage("01", "ACME01", "INV-1", amount="40.00")
    code, text = run("acme/ap")
    assert code == 1
    last = text.strip().splitlines()[-1]
    assert last.startswith("1 difference (1 amount).")
    assert "310.50 USD" in last
    assert "350.50 USD" in last


def test_vendors_that_only_the_cloud_has_are_listed_and_no_difference(world):
    made = [world.bill.do_create_vendor(name=f"Only {number}", accountType="BUSINESS") for number in range(11)]
    code, text = run("acme/ap")
    assert code == 0
    assert "Vendors only in BILL: Only " in text
    assert "and 1 more" in text
    code, text = run("acme/ap", "--json")
    assert code == 0
    assert {each["key"] for each in json.loads(text)["unmatched"]} == {each["id"] for each in made}


def test_csv_neutralises_formulas_and_keeps_amounts(world, tmp_path):
    world.add_invoice("=1+1", "5.00")
    world.sage.do_pay_in_sage("01", "ACME01", "INV-1", amount="40.00")
    file = tmp_path / "differences.csv"
    code, _ = run("acme/ap", "--csv", str(file))
    assert code == 1
    with file.open(newline="") as source:
        rows = {row["document"]: row for row in csv.DictReader(source)}
    assert set(rows) == {"'=1+1", "INV-1"}
    assert rows["INV-1"]["difference"] == "-40.00"


def test_an_unreachable_system_is_exit_3_and_still_one_object(world):
    Connection.objects.filter(name="pay").update(base_url="http://127.0.0.1:9/connect")
    code, text = run("acme/ap", "--json")
    data = json.loads(text)
    assert code == 3
    assert data["ok"] is False
    assert data["error"]["connection"] == "pay"


@pytest.mark.parametrize(
    "arguments", [["acme/nothing"], ["nobody/ap"], ["acme/ap", "--csv", "/no/such/folder/file.csv"]]
)
def test_usage_errors_are_exit_2(world, arguments):
    with pytest.raises(CommandError) as raised:
        run(*arguments)
    assert raised.value.returncode == 2
