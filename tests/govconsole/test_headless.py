"""The headless twin: data on stdout, messages on stderr, exit codes that scripts can rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, get_args

import pytest
from click.testing import CliRunner, Result

from govconsole.cli import ORDERS, SELECTIONS, main
from govd.contract.intents import IntentState
from govd.contract.jobs import JobState, Order, Selection
from govd.contract.limits import MAX_PAGE
from tests.govconsole.conftest import PASSPHRASE
from tests.govconsole.world import intent, job, new_id, push_action

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from govconsole.paths import Operator
    from tests.govconsole.fake_backend import FakeBackend


@pytest.fixture
def run(operator: Operator, state: Path) -> Callable[..., Result]:
    def _run(*arguments: str) -> Result:
        places = ("--state", str(state), "--operator-dir", str(operator.directory))
        return CliRunner().invoke(main, [*places, *arguments])

    return _run


@pytest.fixture
def passphrase_file(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.touch(mode=0o600)
    path.write_text(PASSPHRASE + "\n")
    return str(path)


def shown(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_jobs_are_listed_for_people_and_for_programs(
    run: Callable[..., Result], backend: FakeBackend
) -> None:
    held = job("Push release 1.4.0")
    backend.put(held)
    assert "Push release 1.4.0" in run("jobs", "list").stdout
    assert [one["id"] for one in shown(run("jobs", "list", "--json"))["jobs"]] == [held.id]


def test_an_empty_queue_says_so_on_stderr_and_prints_no_data(
    run: Callable[..., Result], backend: FakeBackend
) -> None:
    del backend
    result = run("jobs", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no job is held" in result.stderr
    assert shown(run("jobs", "list", "--json")) == {"jobs": []}


def test_the_choices_of_the_command_line_are_the_contracts():
    assert get_args(Selection) == SELECTIONS
    assert get_args(Order) == ORDERS


def test_a_list_is_narrowed_and_ordered_as_the_queue_is(run: Callable[..., Result], backend: FakeBackend):
    jobs = [job(f"Pay invoice {number}") for number in range(5)]
    backend.put(*jobs, job("Send newsletter"))

    narrowed = run(
        "jobs", "list", "--json", "--filter", "invoice", "--agent", jobs[0].agent, "--sort", "oldest"
    )

    assert [one["id"] for one in shown(narrowed)["jobs"]] == sorted(one.id for one in jobs)
    assert shown(run("jobs", "list", "--json", "--agent", "nobody")) == {"jobs": []}
    none = run("jobs", "list", "--agent", "nobody")
    assert none.stdout == ""
    assert "no job is held that the filter leaves: agent:nobody" in none.stderr


def test_a_long_list_comes_page_after_page_and_ends_at_its_limit(
    run: Callable[..., Result], backend: FakeBackend
):
    jobs = [job(f"Pay invoice {number}") for number in range(1203)]
    for one in jobs:
        backend.jobs[one.id] = one

    listed = shown(run("jobs", "list", "--json", "--sort", "oldest"))["jobs"]
    assert [one["id"] for one in listed] == sorted(one.id for one in jobs)
    assert [query.limit for query in backend.queries] == [500, 500, 500]
    backend.queries.clear()
    assert len(run("jobs", "list", "--limit", "700").stdout.splitlines()) == 700
    assert [query.limit for query in backend.queries] == [500, 200]


def test_a_filter_that_is_none_says_where_and_prints_no_data(
    run: Callable[..., Result], backend: FakeBackend
):
    del backend
    result = run("jobs", "list", "--filter", "risk>high")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "column 6" in result.stderr


def test_what_show_prints_is_enough_to_approve(
    run: Callable[..., Result], backend: FakeBackend, passphrase_file: str
) -> None:
    held = job()
    backend.put(held)
    token = shown(run("jobs", "show", held.id, "--json"))["review_token"]
    assert token in run("jobs", "show", held.id).stdout
    done = run("approve", held.id, "--token", token, "--reason", "seen", "--passphrase-file", passphrase_file)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "approved: Push release 1.4.0" in done.stderr
    assert backend.submissions[0].signed.vote.verdict == "approve"


@pytest.mark.threat("T12")
def test_a_token_signs_only_the_job_that_it_was_printed_for(
    run: Callable[..., Result], backend: FakeBackend, passphrase_file: str
) -> None:
    """A job that changes between `show` and `approve` is refused: nothing is signed."""
    held = job()
    backend.put(held)
    token = shown(run("jobs", "show", held.id, "--json"))["review_token"]
    backend.put(job(job_id=held.id, intents=[intent(held.id, action=push_action("file:///srv/evil.git"))]))
    done = run("approve", held.id, "--token", token, "--reason", "ok", "--passphrase-file", passphrase_file)
    assert done.exit_code == 1
    assert "the job is not what that token names: nothing was signed" in done.stderr
    assert backend.submissions == []


def test_a_denial_with_guidance_says_what_to_do_instead(
    run: Callable[..., Result], backend: FakeBackend, passphrase_file: str
) -> None:
    held = job()
    backend.put(held)
    token = shown(run("jobs", "show", held.id, "--json"))["review_token"]
    words = ("--reason", "frozen", "--guidance", "push to a branch")
    assert run("deny", held.id, "--token", token, *words, "--passphrase-file", passphrase_file).exit_code == 0
    sent = backend.submissions[0]
    assert (sent.signed.vote.verdict, sent.guidance) == ("deny_with_guidance", "push to a branch")


@pytest.mark.parametrize(
    ("ended", "code"), [(JobState.DENIED, 5), (JobState.EXPIRED, 6), (JobState.DELIVERED, 1)]
)
def test_a_vote_that_comes_too_late_says_how_the_job_ended(
    run: Callable[..., Result], backend: FakeBackend, passphrase_file: str, ended: JobState, code: int
) -> None:
    held = job()
    backend.put(held)
    token = shown(run("jobs", "show", held.id, "--json"))["review_token"]
    backend.take(held.id, ended)
    done = run("approve", held.id, "--token", token, "--reason", "ok", "--passphrase-file", passphrase_file)
    assert done.exit_code == code
    assert f"it is {ended}" in done.stderr


def test_a_wrong_passphrase_is_refused(
    run: Callable[..., Result], backend: FakeBackend, tmp_path: Path
) -> None:
    held = job()
    backend.put(held)
    token = shown(run("jobs", "show", held.id, "--json"))["review_token"]
    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("guess")
    done = run("approve", held.id, "--token", token, "--reason", "ok", "--passphrase-file", str(wrong))
    assert (done.exit_code, backend.submissions) == (1, [])
    assert "the vote key does not open" in done.stderr


@pytest.mark.threat("T1")
def test_a_vote_key_needs_its_passphrase_in_the_headless_twin_too(
    run: Callable[..., Result], backend: FakeBackend
) -> None:
    """A process of the same user that has the key file and no passphrase casts no vote."""
    held = job()
    backend.put(held)
    token = shown(run("jobs", "show", held.id, "--json"))["review_token"]
    done = run("approve", held.id, "--token", token, "--reason", "ok")
    assert (done.exit_code, backend.submissions) == (2, [])
    assert "the vote key has a passphrase" in done.stderr


def test_a_passphrase_file_that_others_may_read_is_refused(
    run: Callable[..., Result], backend: FakeBackend, passphrase_file: str, tmp_path: Path
) -> None:
    del backend
    (tmp_path / "passphrase").chmod(0o644)
    done = run("approve", new_id(), "--token", "t", "--reason", "r", "--passphrase-file", passphrase_file)
    assert done.exit_code == 1
    assert "may be read by others" in done.stderr


def test_no_backend_is_exit_3_and_names_the_socket(run: Callable[..., Result], backend: FakeBackend) -> None:
    backend.close()
    done = run("jobs", "list")
    assert done.exit_code == 3
    assert "operators.sock" in done.stderr


def test_an_unknown_job_is_exit_1_and_a_wrong_option_exit_2(
    run: Callable[..., Result], backend: FakeBackend
) -> None:
    del backend
    assert run("jobs", "show", "no-such-job").exit_code == 1
    assert run("jobs", "show", "../overview").exit_code == 1
    assert run("jobs", "list", "--colour").exit_code == 2


def test_an_unknown_outcome_is_resolved_by_a_person(
    run: Callable[..., Result], backend: FakeBackend, passphrase_file: str
) -> None:
    name = new_id()
    lost = intent(name, state=IntentState.UNKNOWN).model_copy(update={"redeemed_by": "runner"})
    detail = job(job_id=name).model_copy(
        update={"settled": [lost], "hold": None, "state": JobState.PROCESSING}
    )
    backend.jobs[name] = detail
    assert f"govconsole resolve {lost.id}" in " ".join(run("jobs", "show", name).stdout.split())
    said = ["--status", "not_run", "--reason", "I looked", "--passphrase-file", passphrase_file, "--yes"]
    done = run("resolve", lost.id, *said)
    assert done.exit_code == 0, done.stderr
    shown = " ".join(done.stderr.split())
    for part in ("git push origin main", lost.intent_sha256, "by runner", "it did not run", name):
        assert part in shown
    assert "is not_run" in done.stderr
    assert backend.resolutions[lost.id].statement.status == "not_run"


@pytest.mark.threat("T12")
def test_nothing_is_signed_about_an_action_that_is_not_the_one_whose_hash_the_backend_states(
    run: Callable[..., Result], backend: FakeBackend, passphrase_file: str
) -> None:
    """A backend shows a harmless action under the hash of a payment, to have the payment called not run."""
    name = new_id()
    lost = intent(name, state=IntentState.UNKNOWN).model_copy(update={"intent_sha256": "0" * 64})
    backend.jobs[name] = job(job_id=name).model_copy(update={"settled": [lost], "hold": None})
    said = ["--status", "not_run", "--reason", "I looked", "--passphrase-file", passphrase_file, "--yes"]
    assert "nothing is signed" in run("resolve", lost.id, *said).stderr
    assert backend.resolutions == {}


def test_a_job_is_revoked_with_a_signature(
    run: Callable[..., Result], backend: FakeBackend, passphrase_file: str
) -> None:
    held = job()
    backend.put(held)
    done = run("revoke", held.id, "--reason", "no longer", "--passphrase-file", passphrase_file, "--yes")
    assert done.exit_code == 0, done.stderr
    assert "Still held: taken back too" in done.stderr
    assert "the job is revoked" in done.stderr
    assert backend.revocations[held.id].statement.job == held.id


def test_nothing_is_resolved_or_revoked_that_nobody_agreed_to(
    run: Callable[..., Result], backend: FakeBackend, passphrase_file: str
) -> None:
    name = new_id()
    lost = intent(name, state=IntentState.UNKNOWN)
    backend.jobs[name] = job(job_id=name).model_copy(update={"settled": [lost]})
    why = ["--reason", "I looked", "--passphrase-file", passphrase_file]
    for command in (["resolve", lost.id, "--status", "failed"], ["revoke", name]):
        refused = run(*command, *why)
        assert refused.exit_code == 2, refused.stderr
        assert "git push" in refused.stderr
        assert "--yes" in refused.stderr
    assert (backend.resolutions, backend.revocations) == ({}, {})


@pytest.mark.threat("T17")
def test_hostile_text_is_harmless_in_both_forms(run: Callable[..., Result], backend: FakeBackend) -> None:
    """Neither the words for people nor the JSON for programs carries what a terminal obeys."""
    held = job(title="x\x1b[2J\u202e\x7f\x9b", purpose="[@click=app.quit]\u200b")
    backend.put(held)
    for command in (["jobs", "list"], ["jobs", "show", held.id]):
        for form in ([], ["--json"]):
            text = run(*command, *form).stdout
            assert all(char == "\n" or (char.isprintable()) for char in text)
    assert shown(run("jobs", "show", held.id, "--json"))["title"] == held.title


@pytest.mark.parametrize(
    "argv", [("jobs", "show", "J-1"), ("jobs", "list", "--filter", "risk>x"), ("voices", "show", "nobody")]
)
def test_a_refusal_is_json_too_where_json_was_asked_for(
    run: Callable[..., Result], backend: FakeBackend, argv: tuple[str, ...]
) -> None:
    backend.put(job())

    refused, said = run(*argv, "--json"), run(*argv)

    assert (refused.exit_code, said.exit_code, said.stdout) == (said.exit_code, refused.exit_code, "")
    problem = json.loads(refused.stdout)
    assert problem["type"].startswith("urn:govconsole:error:")
    assert refused.stderr == said.stderr
    assert problem["detail"] in said.stderr


def test_behind_half_a_list_no_other_document_comes(run: Callable[..., Result], backend: FakeBackend) -> None:
    backend.put(*(job() for _ in range(MAX_PAGE + 1)))
    backend.answered_queries = 1

    broken = run("jobs", "list", "--json")

    assert broken.exit_code == 1
    assert "what was to follow is gone" in broken.stderr
    assert broken.stdout.startswith('{"jobs": [')
    assert "urn:govconsole:error" not in broken.stdout


def test_locate_says_where_everything_is(run: Callable[..., Result], operator: Operator, state: Path) -> None:
    found = shown(run("locate", "--json"))
    assert found["socket"] == str(state / "run" / "operators.sock")
    assert found["key"] == str(operator.key_path)


def test_two_operators_in_one_directory_must_be_told_apart(
    run: Callable[..., Result], operator: Operator
) -> None:
    (operator.directory / "ben.token").touch(mode=0o600)
    assert run("jobs", "list").exit_code == 2
    assert "ben" in shown(run("--operator", "ben", "locate", "--json"))["token"]


def test_the_app_without_a_terminal_names_the_twin(run: Callable[..., Result]) -> None:
    done = run()
    assert done.exit_code == 2
    assert "govconsole jobs list" in done.stderr


def test_the_client_and_the_state_draw_nothing_and_the_app_loads_nothing_heavy() -> None:
    program = (
        "import sys, govconsole.client.backend, govconsole.client.jobview, govconsole.state.queue,"
        " govconsole.state.status, govconsole.headless\n"
        "assert 'textual' not in sys.modules, 'draws'\n"
        "import govconsole.app\n"
        "assert not {'torch', 'numpy', 'onnxruntime', 'sqlalchemy', 'fastapi'} & set(sys.modules), 'heavy'\n"
        "assert not [name for name in sys.modules if name.startswith('govd.') and"
        " not name.startswith('govd.contract')], 'reaches into govd'\n"
    )
    subprocess.run([sys.executable, "-P", "-c", program], check=True)
