"""The console's settings: what is wrong in the file is told with its line, and nothing of it is taken."""

from __future__ import annotations

import json
import os
import string
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from textual.keys import _character_to_key

from govconsole.actions.registry import SCOPES, named
from govconsole.app import ConsoleApp
from govconsole.cli import main
from govconsole.keymap import Keymap, KeyNameError, fights, key_label, key_name
from govconsole.settings import Settings, SettingsError, load, parse, settings_path
from tests.govconsole.driver import queue_of, running, shows
from tests.govconsole.world import job

if TYPE_CHECKING:
    from pathlib import Path

    from govconsole.paths import Operator
    from govconsole.session import Session
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend

NAMES = [name for name, _ in named()]
WRITTEN = [*string.ascii_letters, *string.punctuation, "f5", "ctrl+k", "ctrl+up", "alt+x", "esc", "pgdn"]
key_lists = st.lists(st.sampled_from(WRITTEN), min_size=1, max_size=3)


def problems(text: str) -> list[tuple[int, str]]:
    return [(one.line, one.words) for one in parse(text)[1]]


def run(operator_dir: Path, *arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["--operator-dir", str(operator_dir), *arguments])
    return done.exit_code, done.stdout, done.stderr


# What a file may say


def test_without_a_file_everything_is_as_it_comes(tmp_path: Path) -> None:
    assert load(settings_path(tmp_path)) == Settings()


def test_keys_are_written_as_names_or_as_tables_one_or_several() -> None:
    settings, wrong = parse('[keys]\n"queue.approve" = "A"\nqueue.deny = ["D", "ctrl+d"]\napp.help = "f3"\n')
    assert [one.words for one in wrong] == ["ctrl+d is the key of both queue.deny and queue.page_down"]
    assert settings.keys["queue.approve"] == ("A",)
    assert settings.keys["app.help"] == ("f3",)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('\n\ntheme = "mauve"\n', 3, "theme: "),
        ('theme = "dark"\ncolour = 1\n', 2, "there is no setting colour"),
        ("passphrase_minutes = 0\n", 1, "passphrase_minutes: "),
        ("passphrase_minutes = true\n", 1, "passphrase_minutes: "),
        ('[keys]\n# x\n"queue.aprove" = "A"\n', 3, "there is no action queue.aprove: is it queue.approve?"),
        ('[keys]\n\n[keys.queue]\napprove = "hyper+x"\n', 4, "queue.approve: there is no key 'hyper+x'"),
        ("[keys]\nqueue.approve = []\n", 2, "queue.approve: it takes a key"),
        ('[keys]\nqueue.approve = [\n  "A",\n  7,\n]\n', 2, "queue.approve: a key is written as text"),
        ('[keys]\nqueue.approve = "d"\n', 2, "d is the key of both queue.approve and queue.deny"),
        ('[keys]\nqueue.open = "q"\n', 2, "q is the key of both queue.open and app.quit"),
        ('[keys]\nqueue.approve = "ctrl+s"\n', 2, "ctrl+s is the key of both queue.approve and app.capture"),
        ('[keys]\nvote.confirm = "ctrl+s"\n', 2, "ctrl+s is the key of both vote.confirm and app.capture"),
        ('[keys]\nvote.confirm = "a"\n', 2, "a would open a vote and sign it"),
        ('[keys]\nqueue.approve = "y"\napp.copy = "c"\n', 2, "y would open a vote and sign it"),
        ('[keys]\npassphrase.leave = "x"\n', 2, "passphrase.leave: x is typed as text there"),
        ('[keys]\napp.lock = "ctrl+i"\n', 2, "app.lock: a terminal does not tell ctrl+i from tab"),
        ('[keys]\napp.lock = "shift+a"\n', 2, "app.lock: write 'shift+a' as the character that it types"),
        ("keys = 3\n", 1, "keys is a table"),
        ('theme = "dark\n', 1, "is no TOML: "),
        ('[keys]\n"\x1b[2J" = "x"\n', 2, "is no TOML: "),
        ('[keys]\n"\u202equeue" = "x"\n', 2, "there is no action \\u202equeue"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, words: str) -> None:
    found = problems(text)
    assert found, "nothing was said"
    assert found[0][0] == line
    assert found[0][1].startswith(words), found


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    found = problems('colour = 1\n[keys]\nqueue.nope = "x"\nqueue.deny = "hyper+k"\n')
    assert [line for line, _ in found] == [1, 3, 4]


@pytest.mark.threat("T17")
@given(st.text(max_size=300))
def test_no_file_brings_the_console_down_and_what_is_said_of_it_is_printable(text: str) -> None:
    """A settings file that somebody wrote is told about in words that no terminal obeys."""
    for _, words in problems(text):
        assert words.isprintable()


@given(st.dictionaries(st.sampled_from(NAMES), key_lists, max_size=6))
def test_a_keymap_is_taken_exactly_when_no_key_means_two_things(changed: dict[str, list[str]]) -> None:
    text = "[keys]\n" + "".join(
        f"{json.dumps(name)} = {json.dumps(keys)}\n" for name, keys in changed.items()
    )
    settings, wrong = parse(text)
    taken = Keymap(
        {name: tuple(dict.fromkeys(key_name(one) for one in keys)) for name, keys in changed.items()}
    )
    assert settings.keymap == taken
    assert bool(wrong) == any(True for _ in fights(taken))
    if not wrong:
        for scope in SCOPES.values():
            keys = [key for action in scope.actions for key in taken.keys(scope.id, action.id)]
            assert len(set(keys)) == len(keys)
        opened = {key for name in ("approve", "deny", "guide") for key in taken.keys("queue", name)}
        assert not opened & set(taken.keys("vote", "confirm"))


@given(st.sampled_from(string.printable[:95]))
def test_a_character_has_the_name_that_textual_gives_its_key(char: str) -> None:
    assert key_name(char) == _character_to_key(char)
    assert key_label(key_name(char)) == (char if char != " " else "space")


@given(st.text(max_size=12))
def test_a_key_is_known_or_refused_and_its_name_stays_as_it_is(written: str) -> None:
    try:
        name = key_name(written)
    except KeyNameError:
        return
    assert key_name(name) == name


def test_every_key_of_the_registry_is_one_that_a_terminal_sends() -> None:
    keys = {key for _, action in named() for key in action.keys}
    assert {key for key in keys if key_name(key) != key} == set()


def test_what_no_keyboard_types_is_no_key() -> None:
    for written in ("\u00a1", "\u200b", "", "ctrl+", "+", "ctrl+ctrl+a"):
        with_plus = written == "+"
        try:
            assert key_name(written) == "plus"
            assert with_plus
        except KeyNameError:
            assert not with_plus


# The file


@pytest.mark.threat("T1")
def test_a_file_that_others_may_write_is_not_taken(tmp_path: Path) -> None:
    """Who may write it could swap the keys of approve and deny."""
    path = settings_path(tmp_path)
    path.write_text('theme = "light"\n')
    path.chmod(0o666)
    with pytest.raises(SettingsError, match="may be written by others; chmod 600"):
        load(path)


def written(folder: Path) -> Path:
    path = settings_path(folder)
    path.write_text('theme = "light"\n')
    path.chmod(0o600)
    return path


@pytest.mark.threat("T1")
@pytest.mark.parametrize("mode", [0o770, 0o777, 0o1777])
def test_a_file_in_a_folder_that_others_may_write_is_not_taken(tmp_path: Path, mode: int) -> None:
    """Who may write the folder could put another file there, also where the file itself is a link."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir(mode=0o700)
    settings_path(home).symlink_to(written(elsewhere))
    assert load(settings_path(home)).theme == "light"
    for folder in (home, elsewhere):
        folder.chmod(mode)
        with pytest.raises(SettingsError, match=f"replaced by others; chmod 700 {folder}"):
            load(settings_path(home))
        folder.chmod(0o700)


@pytest.mark.threat("T1")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("whose", ["file", "folder"])
def test_a_file_of_another_user_is_not_taken(tmp_path: Path, whose: str) -> None:
    """Its mode alone does not say who wrote it."""
    os.chown(written(tmp_path) if whose == "file" else written(tmp_path).parent, 65_534, 65_534)
    with pytest.raises(SettingsError, match="belongs to another user"):
        load(settings_path(tmp_path))


@pytest.mark.timeout(20)
def test_a_pipe_in_its_place_does_not_hold_up_the_start(tmp_path: Path) -> None:
    os.mkfifo(settings_path(tmp_path), 0o600)
    with pytest.raises(SettingsError, match="is no file"):
        load(settings_path(tmp_path))


@pytest.mark.parametrize("data", [b"\xff\xfe", b"#" * 20_000])
def test_a_file_that_is_no_text_or_endless_is_not_taken(tmp_path: Path, data: bytes) -> None:
    path = settings_path(tmp_path)
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(SettingsError):
        load(path)


def test_locate_config_says_where_the_file_is(tmp_path: Path) -> None:
    assert run(tmp_path, "locate", "config") == (0, f"{settings_path(tmp_path)}\n", "")


def test_config_check_says_all_of_it_and_ends_with_one(tmp_path: Path) -> None:
    path = settings_path(tmp_path)
    path.write_text('theme = "mauve"\n[keys]\nqueue.deny = "a"\n')
    path.chmod(0o600)
    code, out, err = run(tmp_path, "config", "check")
    assert (code, out) == (1, "")
    assert f"{path}:1: theme: " in err
    path.write_text("mouse = false\n")
    assert run(tmp_path, "config", "check")[0] == 0


def test_the_console_does_not_start_on_a_file_that_is_wrong_and_names_the_command_that_says_more(
    tmp_path: Path,
) -> None:
    path = settings_path(tmp_path)
    path.write_text('\n[keys]\nqueue.deny = "a"\n')
    path.chmod(0o600)
    code, out, err = run(tmp_path)
    assert (code, out) == (1, "")
    assert f"{path}:3: a is the key of both queue.approve and queue.deny" in err
    assert "govconsole config check" in err


def test_config_show_says_what_holds_and_can_be_read_back(tmp_path: Path) -> None:
    path = settings_path(tmp_path)
    path.write_text('theme = "light"\n[keys]\nqueue.deny = "D"\n')
    path.chmod(0o600)
    code, out, _ = run(tmp_path, "config", "show", "--json")
    shown = json.loads(out)
    assert (code, shown["theme"], shown["keys"]["queue.deny"]) == (0, "light", ["D"])
    assert set(shown["keys"]) == set(NAMES)
    again, wrong = parse(run(tmp_path, "config", "show")[1])
    assert wrong == []
    assert (again.theme, again.keys["queue.deny"]) == ("light", ("D",))


# In the app


async def test_changed_keys_work_their_old_ones_do_not_and_footer_and_help_say_so(
    session: Session, backend: FakeBackend, clock: FakeClock
) -> None:
    backend.put(job())
    settings, wrong = parse(
        '[keys]\nqueue.approve = "d"\nqueue.deny = "a"\nvote.confirm = "f9"\nqueue.down = ["J"]\n'
    )
    assert wrong == []
    async with running(ConsoleApp(session, settings=settings)) as pilot:
        await shows(pilot, "Why it is held", "d approve  a deny")
        await pilot.press("a")
        await shows(pilot, "Deny: Push release")
        clock.advance(1)
        await pilot.press("escape")
        await pilot.press("d")
        await shows(pilot, "Approve: Push release")
        clock.advance(1)
        await pilot.press("y", "ctrl+y")
        await shows(pilot, "You sign this with your vote key")
        await pilot.press("f9")
        await shows(pilot, "Passphrase of anna's vote key")
        clock.advance(1)
        await pilot.press("escape", "question_mark")
        await shows(pilot, "d             Approve what is held")


async def test_the_key_locks_after_the_minutes_of_the_settings(
    session: Session, backend: FakeBackend, clock: FakeClock, operator: Operator
) -> None:
    del operator
    backend.put(job())
    session.keys.unlock("correct horse")
    async with running(ConsoleApp(session, settings=Settings(passphrase_minutes=2))) as pilot:
        await shows(pilot, "key unlocked 2 min")
        clock.advance(121)
        queue_of(pilot.app).draw_chrome()
        await shows(pilot, "key locked")
