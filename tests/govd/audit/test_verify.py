"""The verifier: whatever is done to the log is found, in its file and line, and called by its name."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert

from govd.audit.model import Entry
from govd.audit.rules import digest, parse, recovery_note, render
from govd.audit.verify import DATABASE, Report
from govd.audit.verify import verify as verify_with_patience
from govd.storage.schema import audit, metadata
from tests.govd.audit.logs import head_of, make_lines, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

LINES = make_lines(8)  # the first stands in the first day's file, the others in the second's
FIRST, SECOND = "2026-11-20.jsonl", "2026-11-21.jsonl"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def verify(path: Path, **against: Any) -> Report:
    """Nobody writes these logs meanwhile: one look is enough."""
    return verify_with_patience(path, patience=0, **against)


def found(report: Report) -> list[tuple[str, int, str]]:
    return [(fault.file, fault.line, fault.kind) for fault in report.faults]


@pytest.fixture(scope="module")
def database() -> Iterator[Engine]:
    engine = table_of(LINES)
    yield engine
    engine.dispose()


def table_of(lines: list[bytes]) -> Engine:
    engine = create_engine("sqlite://")
    metadata.create_all(engine, [audit])
    with engine.begin() as connection:
        for seq, line in enumerate(lines, start=1):
            row = {"seq": seq, "time": 0, "type": "t", "line": line, "digest": digest(line)}
            connection.execute(insert(audit), row)
    return engine


def test_a_log_as_it_was_written_is_right(log: Path, database: Engine):
    write(log, LINES)

    report = verify(log, database=database, head=head_of(LINES))

    assert report.ok
    assert (report.entries, report.first, report.seq, report.digest) == (8, 1, 8, digest(LINES[-1]))


def test_one_file_by_itself_is_right_from_where_it_begins(log: Path):
    write(log, LINES)

    report = verify(log / SECOND)

    assert report.ok
    assert (report.entries, report.first, report.seq) == (7, 2, 8)


def test_no_log_at_all_is_right_unless_somebody_remembers_one(log: Path, database: Engine):
    assert verify(log).ok
    assert not verify(log).verified
    assert found(verify(log, head=head_of(LINES))) == [("audit", 0, "truncated")]
    assert found(verify(log, database=database)) == [("audit", 0, "truncated")]


@pytest.mark.parametrize("at", range(1, 7))
def test_an_edited_entry_is_named(log: Path, at: int):
    lines = list(LINES)
    lines[at] = lines[at].replace(b'"salt":"s0"', b'"salt":"s1"')

    assert found(verify(write(log, lines))) == [(SECOND, at, "edited")]


def test_an_entry_that_was_made_unreadable_is_edited(log: Path):
    lines = list(LINES)
    lines[4] = lines[4].replace(b'{"schema"', b'["schema"')

    assert found(verify(write(log, lines))) == [(SECOND, 4, "edited")]


def test_an_entry_that_gives_itself_another_number_is_edited(log: Path):
    lines = list(LINES)
    lines[4] = lines[4].replace(b'"seq":5,', b'"seq":9,')

    assert found(verify(write(log, lines))) == [(SECOND, 4, "edited")]


@pytest.mark.parametrize(("at", "line"), [(1, 1), (3, 3), (6, 6)])
def test_a_removed_entry_is_named_where_it_stood(log: Path, at: int, line: int):
    lines = [line for index, line in enumerate(LINES) if index != at]

    assert found(verify(write(log, lines))) == [(SECOND, line, "removed")]


def test_a_removed_day_is_named_where_the_next_begins(log: Path):
    write(log, LINES)
    (log / FIRST).unlink()

    assert found(verify(log)) == [(SECOND, 1, "removed")]


@pytest.mark.parametrize("forged", [b"nonsense", b"{}", b""])
def test_an_inserted_line_is_named(log: Path, forged: bytes):
    lines = [*LINES[:5], forged, *LINES[5:]]

    assert found(verify(write(log, lines))) == [(SECOND, 5, "inserted")]


def test_an_entry_that_stands_twice_is_inserted(log: Path):
    lines = [*LINES[:5], LINES[3], *LINES[5:]]

    assert found(verify(write(log, lines))) == [(SECOND, 5, "inserted")]


def test_an_inserted_entry_that_links_backward_only_is_named(log: Path):
    forged = make_lines(1, seq=5, prev_hash=digest(LINES[4]), salt="9")
    lines = [*LINES[:5], *forged, *LINES[5:]]

    assert found(verify(write(log, lines))) == [(SECOND, 5, "inserted")]


@pytest.mark.parametrize("at", range(1, 6))
def test_entries_that_changed_places_are_reordered(log: Path, at: int):
    lines = list(LINES)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]

    assert found(verify(write(log, lines))) == [(SECOND, at, "reordered")]


def test_an_entry_in_another_days_file_is_reordered(log: Path):
    write(log, LINES)
    (log / FIRST).write_bytes((log / FIRST).read_bytes() + LINES[1] + b"\n")
    (log / SECOND).write_bytes(b"".join(line + b"\n" for line in LINES[2:]))

    assert found(verify(log)) == [(FIRST, 2, "reordered")]


def test_a_file_under_another_days_name_is_said_once_and_what_was_edited_in_it_too(log: Path):
    lines = list(LINES)
    lines[4] = lines[4].replace(b'"salt":"s0"', b'"salt":"s1"')
    write(log, lines)
    renamed = (log / SECOND).rename(log / "2026-11-25.jsonl")

    assert found(verify(renamed)) == [(renamed.name, 0, "reordered"), (renamed.name, 4, "edited")]


def test_a_copy_that_no_day_gave_its_name_is_checked_all_the_same(log: Path):
    write(log, LINES)
    copy = (log / SECOND).rename(log / "copy.jsonl")
    assert verify(copy).ok

    copy.write_bytes(copy.read_bytes().replace(b'"salt":"s0"', b'"salt":"s1"', 1))
    assert [fault.kind for fault in verify(copy).faults] == ["edited"]


def test_a_log_cut_within_a_line_is_truncated(log: Path):
    write(log, LINES)
    data = (log / SECOND).read_bytes()
    (log / SECOND).write_bytes(data[:-10])

    assert found(verify(log)) == [(SECOND, 7, "truncated")]


def test_a_log_cut_between_lines_is_found_by_the_database_and_by_a_head(log: Path, database: Engine):
    write(log, LINES[:6])

    assert verify(log).ok
    assert found(verify(log, database=database)) == [(SECOND, 5, "truncated")]
    assert found(verify(log, head=head_of(LINES))) == [(SECOND, 5, "truncated")]


def test_two_histories_in_one_log_are_a_fork(log: Path):
    forked = make_lines(3, seq=5, prev_hash=digest(LINES[4]), salt="9")

    report = verify(write(log, [*LINES, *forked]))

    assert (SECOND, 8, "forked") in found(report)


def test_another_history_is_found_by_the_database_and_by_a_head(log: Path, database: Engine):
    write(log, [*LINES[:5], *make_lines(3, seq=5, prev_hash=digest(LINES[4]), salt="9")])

    assert verify(log).ok
    assert found(verify(log, database=database))[0] == (SECOND, 5, "forked")
    assert found(verify(log, head=head_of(LINES))) == [(SECOND, 7, "forked")]


def test_entries_that_the_database_lacks_are_inserted(log: Path):
    write(log, LINES)
    engine = table_of(LINES[:6])

    assert found(verify(log, database=engine)) == [(SECOND, 6, "inserted"), (SECOND, 7, "inserted")]
    engine.dispose()


def test_a_table_that_was_changed_is_named(log: Path):
    write(log, LINES)
    changed = table_of([*LINES[:3], LINES[3].replace(b"s0", b"s1"), *LINES[4:]])

    assert found(verify(log, database=changed)) == [(DATABASE, 4, "edited")]
    changed.dispose()

    with_hole = table_of(LINES)
    with with_hole.begin() as connection:
        connection.exec_driver_sql("delete from audit where seq = 4")
        connection.exec_driver_sql("update audit set line = 'x' where seq = 6")
    assert found(verify(log, database=with_hole)) == [(DATABASE, 6, "edited"), (DATABASE, 4, "removed")]
    with_hole.dispose()


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_any_line_is_found(database: Engine, data: st.DataObject):
    with tempfile.TemporaryDirectory() as name:
        log = write(Path(name) / "audit", LINES)
        path = log / data.draw(st.sampled_from([FIRST, SECOND]))
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        line = content[:place].count(b"\n") + 1
        content[place] = data.draw(st.integers(0, 255).filter(lambda value: value != content[place]))
        path.write_bytes(content)

        against_database = verify(log, database=database)
        assert (path.name, line) in {(fault.file, fault.line) for fault in against_database.faults}
        assert not verify(log, head=head_of(LINES)).ok


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_other_sequence_of_the_lines_is_found(data: st.DataObject):
    lines = data.draw(
        st.lists(st.sampled_from(LINES), max_size=10).filter(lambda drawn: drawn != LINES[: len(drawn)])
    )

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name) / "audit"
        directory.mkdir()
        (directory / SECOND).write_bytes(b"".join(line + b"\n" for line in lines))
        assert not verify(directory).ok


@settings(max_examples=200, deadline=None)
@given(junk=st.binary(max_size=300))
def test_no_bytes_make_the_verifier_fail(junk: bytes):
    with tempfile.TemporaryDirectory() as name:
        log = write(Path(name) / "audit", LINES[:3])
        (log / SECOND).write_bytes((log / SECOND).read_bytes() + junk)

        report = verify(log, head=head_of(LINES[:3]))

        assert report.ok == (junk == b"")
        verify(log / SECOND)


# -- recoveries ----------------------------------------------------------------------------------------


def recovered(torn: bytes, *, spoken_for: bool = True) -> list[bytes]:
    """Lines of a log whose sixth entry was torn and completed."""
    note = recovery_note(5, digest(LINES[4]), torn)
    details = {"after": 5, "torn_bytes": len(torn), "torn_sha256": digest(torn)}
    entry = Entry(type="log.recovered", actor="govd", details=details if spoken_for else {})
    last = parse(LINES[7])
    assert last is not None
    vouching = render(
        entry, seq=9, event_id="01a1fc4e-0000-7000-8000-000000000009", time=last.time, prev_hash=last.digest
    )
    return [*LINES[:5], torn, note, *LINES[5:], vouching]


def test_a_torn_line_that_was_closed_and_spoken_for_is_right(log: Path):
    assert verify(write(log, recovered(LINES[5][:40]))).ok
    assert verify(log / SECOND).ok


@pytest.mark.parametrize("torn", [b"another text", b"\0\0", LINES[5][:40] + b"\0" * 100])
def test_only_the_beginning_of_the_entry_counts_as_torn(log: Path, torn: bytes):
    is_form = LINES[5].startswith(torn.rstrip(b"\0"))

    assert verify(write(log, recovered(torn))).ok == is_form


def test_torn_bytes_that_no_entry_speaks_for_were_inserted(log: Path):
    assert found(verify(write(log, recovered(LINES[5][:40], spoken_for=False)))) == [(SECOND, 5, "inserted")]


def test_torn_bytes_that_were_cleaned_away_are_missed(log: Path):
    lines = recovered(LINES[5][:40])
    del lines[5:7]

    assert found(verify(write(log, lines))) == [(SECOND, 8, "removed")]


def test_a_torn_line_whose_note_is_gone_is_named(log: Path):
    lines = recovered(LINES[5][:40])
    del lines[6]

    assert found(verify(write(log, lines)))[0] == (SECOND, 5, "removed")


def test_a_note_that_fits_no_torn_line_is_named(log: Path):
    lines = recovered(LINES[5][:40])
    lines[5] = LINES[5][:41]

    assert found(verify(write(log, lines)))[0] == (SECOND, 5, "edited")
