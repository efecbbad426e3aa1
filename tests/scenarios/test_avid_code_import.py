"""One refusal of the import is enough to know, under both profiles."""

from __future__ import annotations

import pytest

from tests.avid_world import AvidWorld


@pytest.mark.avid(settings={"codes_write_mode": "auto"})
def test_auto_asks_once(avid: AvidWorld) -> None:
    avid.avid.do_disable("code_import", 404)
    assert avid.sync().ok
    assert avid.avid.stats()["resources"]["code_import"]["POST"] == 1


@pytest.mark.avid(settings={"codes_write_mode": "auto"})
def test_auto_imports_where_it_may(avid: AvidWorld) -> None:
    assert avid.sync().ok
    assert len(avid.codes()) > 10
    assert len(avid.codes("Location")) > 1
