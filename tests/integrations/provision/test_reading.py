from __future__ import annotations

from itertools import pairwise

import pytest

from integrations.provision.reading import LARGEST, Unreadable, fill, read


def test_a_scalar_is_the_text_that_was_written():
    tree = read(b"a: 0040\nb: 2026-10-01\nc: no\nd: 1e5\ne: 12:30:00\nf:\ng: ~\nh: null")
    assert tree == {
        "a": "0040",
        "b": "2026-10-01",
        "c": "no",
        "d": "1e5",
        "e": "12:30:00",
        "f": None,
        "g": None,
        "h": None,
    }


def test_a_variable_may_stand_unquoted_in_braces():
    assert read(b'{password: ${FIONA_PASSWORD}, key: "${KEY}"}') == {
        "password": "${FIONA_PASSWORD}",
        "key": "${KEY}",
    }


def test_variables_are_filled_without_touching_other_dollars():
    assert fill("a${X}b $X $$ ${not-one}", {"X": "$1"}) == ("a$1b $X $$ ${not-one}", [])
    assert fill("${GONE}", {}) == ("", ["GONE"])


def test_what_a_variable_holds_is_never_read_as_yaml():
    assert fill(read(b"a: ${X}")["a"], {"X": "}: [*x"}) == ("}: [*x", [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: 1\nb: c: d", "line 2, column 5"),
        (b"a: 1\nb: 2\na: 3", "line 3: 'a' is given twice"),
        (b"a: &x [1]\nb: *x", "line 1: anchors"),
        (b"a: !!python/object/apply:os.system [id]", "line 1: tags"),
        (b"[" * 100_000, "nested more than"),
        (b"? [a]\n: b", "line 1: a name was expected"),
        (b"a: 1\n---\nb: 2", "line 2"),
        (b"\xff\xfea", "not UTF-8"),
        (b"a" * (LARGEST + 1), "larger than 5 MiB"),
    ],
)
def test_what_is_refused_says_where(text, message):
    with pytest.raises(Unreadable, match=message):
        read(text)


def test_a_billion_laughs_is_refused_before_it_is_built():
    levels = [f"{name}: &{name} [{', '.join(['*' + prior] * 9)}]" for prior, name in pairwise("abcdefghi")]
    with pytest.raises(Unreadable, match="aliases"):
        read("\n".join(["a: &a [lol]", *levels]).encode())
