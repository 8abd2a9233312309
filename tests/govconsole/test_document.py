"""Lines on their way to the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govconsole.client.amounts import amount, left
from govconsole.client.describe import describe, headline, raw
from govconsole.client.document import Line, Span, cell_len, line, plain, wrap
from tests.govconsole.world import NOW, intent, new_id

ACTIONS = {
    "model_call": {"model": "m-4", "tokens": 10},
    "tool_call": {"tool": "mail.send", "arguments": {"to": "a@example.org"}, "domains": ["example.org"]},
    "evm_transaction": {"chain": "eip155:1", "from": "0x" + "a" * 40, "to": None, "value": "5"},
    "http_request": {"method": "POST", "url": "https://example.org/x"},
    "file_write": {"path": "/etc/motd", "sha256": "a" * 64, "size": 3},
    "process_exec": {"argv": ["ls", "a b"], "cwd": "/", "binary": {"path": "/bin/ls", "sha256": "c" * 64}},
    "audio": {"use": "egress", "host": "example.org"},
    "context_release": {"package_sha256": "a" * 64, "target_model": "m-4"},
    "secret_read": {"name": "deploy-key"},
    "admin": {"operation": "tool.add", "arguments": {"name": "x"}},
}


@given(st.lists(st.text()), st.integers(8, 100), st.integers(0, 6), st.integers(0, 20))
def test_wrapped_rows_fit_and_lose_no_word(texts: list[str], width: int, indent: int, hang: int) -> None:
    item = Line(tuple(Span(text) for text in texts), indent, hang, Span("┃ "))
    rows = wrap([item], width)
    assert all(cell_len(row.text) <= max(width, row.indent + 2 + 4 + 1) for row in rows)
    together = "".join(span.text for row in rows for span in row.spans)
    assert together.replace(" ", "") == "".join(span.text for span in item.spans).replace(" ", "")


def test_words_are_not_broken_where_they_fit() -> None:
    rows = wrap([line("alpha beta gamma", indent=2, hang=2)], 12)
    assert [row.text.rstrip() for row in rows] == ["  alpha beta", "    gamma"]


@pytest.mark.threat("T18")
def test_a_row_of_many_words_is_one_span() -> None:
    """A text of a hundred thousand words is not a hundred thousand things to draw."""
    rows = wrap([line("a " * 100_001, Span("b " * 100, "bad"))], 80)

    assert max(len(row.spans) for row in rows) == 2
    assert sum(len(row.spans) for row in rows) <= len(rows) + 1


@pytest.mark.parametrize(("kind", "action"), ACTIONS.items())
def test_every_kind_of_action_has_words_of_its_own(kind: str, action: dict[str, object]) -> None:
    made = intent(new_id(), kind=kind, action=action)
    assert headline(made)
    assert plain(describe(1, made))
    assert made.intent_sha256 in plain(raw(made))


def test_what_is_cut_says_so_and_stands_in_full_in_the_raw_view() -> None:
    secret = "x" * 5000 + "END"
    made = intent(new_id(), kind="tool_call", action={"tool": "t", "arguments": {"body": secret}})
    assert "(cut: o shows all)" in plain(describe(1, made))
    assert "END" in plain(raw(made))


def test_amounts_are_exact_and_readable() -> None:
    assert amount("72300.000000", "usd") == "72,300.00 USD"
    assert amount("0.000001", "usd") == "0.000001 USD"
    assert amount("1000", "count") == "1,000"
    assert left(NOW, NOW) == "over"
