"""What happens to a state besides work: a second govd, a backup put back, a full disk, a stop under load."""

from __future__ import annotations

import base64
import resource
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest

from govd.contract import votekey
from govd.contract.heads import HEADER, Head, SignedHead
from govd.storage.engine import make_engine, parse_url
from tests.fault.books import Books, check_caps, check_history, check_log
from tests.fault.policies import body, mixed
from tests.support import needs
from tests.support.govd_process import GovdProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.support.govd_process import Client

WENT_BACK = "the state went back in time"


@contextmanager
def database(govd: GovdProcess) -> Iterator[Engine]:
    """A reader of the embedded database."""
    engine = make_engine(parse_url(f"sqlite:///{govd.state / 'govd.db'}"), writer=False)
    try:
        yield engine
    finally:
        engine.dispose()


def all_is_well(govd: GovdProcess) -> Books:
    """Log, tables and caps agree."""
    with database(govd) as engine:
        check_log(govd.state / "audit", engine)
        books = Books.read(engine)
    check_history(books)
    check_caps(books)
    return books


def declare(agent: Client, tool: str = "search.web", **more: object) -> dict[str, Any]:
    """An intent that was taken."""
    answer = agent.http.post("/v1/intents", json=body(tool, **more))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def halted(agent: Client) -> str:
    """What a govd that has stopped deciding says; and that it is halted for everybody."""
    answer = agent.http.post("/v1/intents", json=body("search.web"))
    assert answer.status_code == 503, answer.text
    assert answer.json()["type"] == "urn:govconsole:error:halted"
    assert agent.http.get("/health").json()["status"] == "halted"
    return f"{answer.json()['detail']}; {answer.json().get('hint', '')}"


# -- two on one state ----------------------------------------------------------------------------------


def test_a_second_govd_on_a_state_is_refused_and_told_the_pid_of_the_first(running: GovdProcess):
    refused = running.govd("serve", expect=1)

    assert running.process is not None
    assert f"pid {running.process.pid}" in refused.stderr.decode()
    assert declare(running.agent(), "fs.read.notes")["state"] == "approved"


# -- a state that went back in time --------------------------------------------------------------------


class Rewound:
    """A state put back to an earlier copy, after govd had gone on from there."""

    def __init__(self, govd: GovdProcess) -> None:
        self.govd = govd
        self.agent, self.executor = govd.agent(), govd.executor()
        self.kept = self.approved()
        govd.stop()
        copy = govd.root / "copy"
        shutil.copytree(govd.state, copy, symlinks=True)
        govd.serve()
        self.lost = self.approved()
        self.head = self.agent.http.get("/health").headers[HEADER]
        govd.stop()
        shutil.rmtree(govd.state)
        shutil.copytree(copy, govd.state, symlinks=True)

    @property
    def anchor(self) -> Path:
        """The file beside the state that remembers the head."""
        return self.govd.root / "state.anchor"

    def approved(self) -> dict[str, str]:
        """An intent that was approved, and its attestation, not yet spent."""
        minted = self.executor.http.post(f"/v1/intents/{declare(self.agent)['id']}/attestation").json()
        return {"attestation": minted["attestation"], "intent_sha256": minted["claims"]["intent_sha256"]}

    def redeem(self, spend: dict[str, str]) -> httpx.Response:
        """Try to spend an attestation."""
        return self.executor.http.post("/v1/attestations/redeem", json=spend)

    def restore(self) -> None:
        """`govd restore`, and serve again."""
        self.govd.stop()
        self.govd.govd("restore", "--as", "ana", "--passphrase-file", self.govd.passphrase_file)
        self.govd.serve()


@pytest.fixture
def rewound(govd_at: Callable[..., GovdProcess]) -> Rewound:
    return Rewound(govd_at(policy=mixed()))


@pytest.mark.threat("T13")
def test_a_state_that_went_back_in_time_is_halted_by_the_anchor_beside_it(rewound: Rewound):
    """A copy of the state from before a denial or a payment is put back: govd decides nothing with it."""
    rewound.govd.serve()

    assert WENT_BACK in rewound.govd.ready["halted"]
    assert "govd restore" in halted(rewound.agent)
    assert rewound.redeem(rewound.kept).status_code == 503
    rewound.govd.restart()
    assert WENT_BACK in rewound.govd.ready["halted"]


@pytest.mark.threat("T13")
def test_without_the_anchor_the_first_client_that_remembers_halts_it(rewound: Rewound):
    """The copy is put back and the anchor removed: the head that a gate remembers still gives it away."""
    rewound.anchor.unlink()
    rewound.govd.serve()
    assert rewound.govd.ready["halted"] is None

    seen = rewound.agent.http.get("/health", headers={HEADER: rewound.head})

    assert seen.status_code == 200
    assert WENT_BACK in halted(rewound.agent)
    assert rewound.redeem(rewound.kept).status_code == 503
    rewound.anchor.unlink()
    rewound.govd.restart()
    assert WENT_BACK in rewound.govd.ready["halted"], "a restart forgot what it was halted for"


@pytest.mark.threat("T13")
def test_restoring_opens_an_epoch_revokes_what_stood_and_deciding_goes_on(rewound: Rewound):
    """What was approved before a backup was put back may have been spent since: it cannot be any more."""
    rewound.govd.serve()
    rewound.restore()

    assert rewound.govd.ready["halted"] is None
    for spend in (rewound.kept, rewound.lost):
        refused = rewound.redeem(spend)
        assert refused.status_code in {403, 404}, refused.text
    assert rewound.redeem(rewound.approved()).status_code == 200
    now = rewound.agent.http.get("/health", headers={HEADER: rewound.head})
    assert SignedHead.parse(now.headers[HEADER]).head.epoch == 2
    assert declare(rewound.agent)["state"] == "approved"
    all_is_well(rewound.govd)


@pytest.mark.threat("T13")
def test_a_head_that_an_agent_made_up_does_not_stop_govd(running: GovdProcess):
    """An agent claims to remember a later log, to stop everybody: unsigned, it says nothing."""
    agent = running.agent()
    real = agent.http.get("/health").headers[HEADER]
    log, epoch, seq, digest, signature = real.split(".")
    junk = base64.urlsafe_b64encode(bytes(64)).decode().rstrip("=")
    later = Head(int(epoch), int(seq) + 1000, digest)
    made_up = {
        f"{log}.{epoch}.{int(seq) + 1000}.{digest}.{signature}": 200,
        f"{log}.{int(epoch) + 1}.{seq}.{digest}.{junk}": 200,
        f"{log}.{epoch}.{seq}.{'0' * 64}.{junk}": 200,
        later.signed(log, votekey.generate()): 200,
        later.signed("f" * 32, votekey.generate()): 200,
        f"{log}.{epoch}.-1.{digest}.": 200,
        "nonsense": 422,
        f"{log}.{epoch}.{'9' * 300}.{digest}.{signature}": 422,
    }

    answers = {head: agent.http.get("/health", headers={HEADER: head}).status_code for head in made_up}

    assert answers == made_up
    assert declare(agent, "fs.read.notes")["state"] == "approved"


# -- a full disk ---------------------------------------------------------------------------------------


@contextmanager
def full_disk(govd: GovdProcess) -> Iterator[Callable[[], None]]:
    """The kernel refuses to let any file of this govd grow, as a full disk does; yields what fills it."""
    assert govd.process is not None
    pid = govd.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)

    def fill() -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))

    fill()
    try:
        yield fill
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    needs.root()
    place = tmp_path / "small"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=24m,mode=0700", "none"]
    mounted = subprocess.run([needs.program("mount"), *options, place], capture_output=True, check=False)
    if mounted.returncode != 0:
        needs.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run([needs.program("umount"), "--lazy", place], check=True)


@contextmanager
def filled(govd: GovdProcess) -> Iterator[Callable[[], None]]:
    """Nothing more fits on the file system of this govd: whatever it writes fails as ENOSPC.

    Yields what fills it once more: a checkpoint may have given room back.
    """
    ballast = govd.root / "ballast"

    def fill() -> None:
        with ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    fill()
    try:
        yield fill
    finally:
        ballast.unlink()


class Load:
    """Sixteen clients that declare until told to stop, or until nobody decides any more."""

    CLIENTS = 16

    def __init__(self, govd: GovdProcess, agent: Client) -> None:
        self._govd, self._token = govd, agent.token
        self._over = threading.Event()
        self._news = threading.Condition()
        self.answers: dict[str, int] = {}
        self.views: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(self.CLIENTS)
        self._done = [self._pool.submit(self._client, number) for number in range(self.CLIENTS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        for future in self._done:
            future.result()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the answers say so."""
        with self._news:
            assert self._news.wait_for(condition, 180)

    def _client(self, number: int) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx.Client(base_url=self._govd.url, headers=headers, timeout=180) as http:
            for count in range(10_000):
                if self._over.is_set():
                    return
                try:
                    if self.declare(http, f"{number}.{count}") == 503:
                        return
                except httpx.TransportError:
                    return

    def declare(self, http: httpx.Client, key: str) -> int:
        """One declaration, and what it was answered."""
        answer = http.post("/v1/intents", json=body("post.note", idempotency_key=key))
        with self._news:
            self.answers[key] = answer.status_code
            if answer.is_success:
                self.views[key] = answer.json()
            self._news.notify_all()
        return answer.status_code


def test_a_full_disk_stops_deciding_and_costs_nothing_that_was_acknowledged(
    govd_at: Callable[..., GovdProcess],
):
    fill_up(govd_at(policy=mixed()), full_disk)


def test_a_small_file_system_that_is_full_does_the_same(small_disk: Path):
    with GovdProcess(small_disk, policy=mixed()) as govd:
        fill_up(govd, filled)


def fill_up(
    govd: GovdProcess, full: Callable[[GovdProcess], AbstractContextManager[Callable[[], None]]]
) -> None:
    """Fill the disk under load, and make room again: what was said stands, and govd waits to be told."""
    agent = govd.agent()

    with Load(govd, agent) as load:
        load.until(lambda: len(load.views) > 40)
        with full(govd) as fill:
            load.until(lambda: 503 in load.answers.values())
            known = next(iter(load.views.values()))
            assert "govd reload" in halted(agent)
            assert agent.http.get(f"/v1/intents/{known['id']}").status_code == 200
            assert govd.operator().get("/v1/overview")["halted"]
            refuse_to_go_on(govd, agent, load, fill)
            assert "govd reload" in halted(agent)
    assert "govd reload" in halted(agent), "it went on before anybody had said so"
    govd.govd("reload")

    assert set(load.answers.values()) == {200, 503}
    books = all_is_well(govd)
    assert {view["id"] for view in load.views.values()} <= set(books.intents)
    for key in load.answers:
        again = declare(agent, "post.note", idempotency_key=key)
        assert again["id"] == load.views.get(key, again)["id"]
    assert len(all_is_well(govd).intents) == len(load.answers)


def refuse_to_go_on(govd: GovdProcess, agent: Client, load: Load, fill: Callable[[], None]) -> None:
    """Ask govd to go on until it refuses to.

    The last page of a file, or a write-ahead log that starts again, may hold some decisions more on a
    disk that is full: then it goes on, rightly, and comes to that end as well.
    """
    for attempt in range(50):
        fill()
        if govd.govd("reload", expect=None).returncode == 1:
            return
        for count in range(10_000):
            if load.declare(agent.http, f"more.{attempt}.{count}") == 503:
                break
    pytest.fail("govd reload never refused: is the disk full at all?")


# -- the end -------------------------------------------------------------------------------------------


def test_sigterm_under_load_answers_every_decision_that_was_made_and_exits_with_0(
    govd_at: Callable[..., GovdProcess],
):
    govd = govd_at(policy=mixed())
    agent = govd.agent()

    with Load(govd, agent) as load:
        load.until(lambda: len(load.views) > 100)
        assert govd.stop() == 0

    assert set(load.answers.values()) <= {200, 503}
    books = all_is_well(govd)
    assert set(books.intents) == {view["id"] for view in load.views.values()}
