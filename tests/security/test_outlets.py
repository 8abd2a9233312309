"""No text leaves for a terminal, a log or a screen past the sanitiser (threats T17)."""

from __future__ import annotations

import pytest

from tests.security.outlets import ROOT, files, unfed


@pytest.mark.threat("T17")
def test_every_outlet_is_fed_by_the_sanitiser_or_by_constants():
    """A string of an agent's reaches a terminal, a log or a toast raw, or is read as markup."""
    found = [
        str(outlet)
        for path in files()
        for outlet in unfed(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "print(agent)",
        "print(f'{agent} waits')",
        "click.echo(body['title'])",
        "sys.stderr.write(str(error))",
        "log.info('declared: %s', purpose)",
        "log.error(f'{purpose}')",
        "log.error('x', extra={'purpose': purpose})",
        "print(json.dumps(body, ensure_ascii=False))",
        "print(json.dumps(body))",
        "self.notify(job.title, markup=False)",
        "self.notify(visible(job.title))",
        "self.query_one('#pill').update(job.title)",
        "Static(visible(job.title))",
        "Label(job.title, markup=False)",
        "self.update(Content(job.title))",
        "Content.from_markup('constant')",
        "click.prompt(f'Forget {agent}?')",
        "click.confirm(job.title, abort=True)",
        "raise click.ClickException(str(error))",
        "terminal.write(job.title)",
        "sys.stdout.buffer.write(job.title.encode())",
        "sys.stderr.writelines([purpose])",
        "os.write(2, purpose.encode())",
        "app.copy_to_clipboard(job.title)",
        "Segment(job.title, style)",
        "self.border_title = job.title",
        "self.app.sub_title = f'{agent} waits'",
        "Input(placeholder=purpose)",
        "Button('yes', tooltip=visible(job.title) + purpose)",
        "if not agent:\n        agent = 'nobody'\n    click.echo(agent)",
        "click.echo(message=purpose)",
        "click.echo(**body)",
        "self.app.notify(message=purpose, markup=False)",
        "log.info(msg=purpose)",
        "print('x', end=purpose)",
        "Static(content=job.title, markup=False)",
        "click.echo('{a}'.format(a=purpose))",
        "out = sys.stdout\n    out.write(purpose)",
        "out = sys.stderr.buffer\n    out.write(purpose.encode())",
        "say = click.echo\n    say(purpose)",
        "click.echo(f'{1:{purpose}}')",
        "click.echo(', '.join({purpose: 1}))",
        "shown, rest = '', 1\n    shown, rest = purpose, 2\n    click.echo(shown)",
        "shown = ''\n    with open(agent) as shown:\n        click.echo(shown)",
    ],
)
def test_the_guard_sees_each_kind_of_leak(line):
    assert unfed(f"def f(agent, body, error, purpose, job):\n    {line}\n", "console/govconsole/screens/x.py")


@pytest.mark.parametrize(
    "line",
    [
        "print('ready')",
        "click.echo(visible(agent))",
        "shown = visible(agent)\n    sys.stdout.write(f'{shown}\\n')",
        "log.error('refused', extra={'code': error.code})",
        "print(ascii_json(body))",
        "print(f'{len(body)} jobs')",
        "self.notify(visible(job.title), markup=False)",
        "self.update(content(spans))",
        "self.update(Content(' ').join([content(row) for row in spans]))",
        "print('\\n'.join(visible_lines(agent)))",
        "Static('constant')",
        "agent = visible(agent)\n    click.echo(agent)",
        "click.echo(message='ready', err=True)",
        "out = sys.stdout\n    out.write(visible(agent))",
    ],
)
def test_the_guard_lets_clean_words_pass(line):
    assert not unfed(
        f"def f(agent, body, error, job, spans):\n    {line}\n", "console/govconsole/screens/x.py"
    )
