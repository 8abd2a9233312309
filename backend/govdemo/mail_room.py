"""The demo's mail room: sends a mail when its approval is redeemed, exactly as it was approved, once.

It alone knows where the mail server is. Must never send what it has not redeemed.
"""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Annotated, Any, Final

import click
from pydantic import BaseModel, ConfigDict, StringConstraints

from govdemo import counter

TOOLS: Final = frozenset({"email.send"})
SENDER: Final = "shop@example.org"
_SECONDS: Final = 10.0
# One line each: a line break in a header would be another header.
_Header = Annotated[str, StringConstraints(pattern=r"^[^\r\n\x00-\x1f\x7f]+$", max_length=500)]


class Mail(BaseModel):
    """The arguments of a mail: one recipient, a subject, a text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$", max_length=254)]
    subject: _Header
    body: Annotated[str, StringConstraints(max_length=60_000)]


@dataclass(frozen=True)
class MailRoom:
    """Sends by SMTP.

    Args:
        port: Of the mail server on this machine.
    """

    port: int

    def send(self, intent: str, mail: Mail) -> str:
        """Send it; the receipt is the message's id.

        Raises:
            OSError: the server did not take it.
            UncertainError: the line broke after it was given.
        """
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = SENDER, mail.to, mail.subject
        message["Message-ID"] = f"<{intent}@mail-room.example.org>"
        message.set_content(mail.body)
        with smtplib.SMTP("127.0.0.1", self.port, timeout=_SECONDS) as server:
            try:
                server.send_message(message)
            except (smtplib.SMTPServerDisconnected, TimeoutError) as error:
                raise counter.UncertainError(f"the mail server: {type(error).__name__}") from None
        return str(message["Message-ID"])


@click.command()
@counter.options
@click.option("--smtp-port", type=int, required=True, help="The mail server's port on this machine.")
def main(*, agent: str, smtp_port: int, **place: Any) -> None:  # noqa: ANN401 - the counter's options
    """Send mails, each once, as they were approved."""
    counter.run(counter.Trade(agent, TOOLS, Mail, MailRoom(smtp_port).send), **place)


if __name__ == "__main__":
    main()
