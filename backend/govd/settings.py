"""Settings: STATE/govd.toml, overridden by GOVD_… in the environment, overridden by flags.

Must never hold a secret: keys and tokens are files of their own.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import platformdirs
from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from govd.connecting import target
from govd.contract.errors import InvalidRequestError
from govd.contract.limits import MAX_BODY_BYTES

STATE_VARIABLE = "GOVD_STATE"
OPERATOR_VARIABLE = "GOVCONSOLE_OPERATOR_DIR"


def default_state() -> Path:
    """Where govd keeps its state unless told otherwise."""
    named = os.environ.get(STATE_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_state_dir("govconsole")) / "govd"


def default_operator_dir() -> Path:
    """Where an operator keeps his vote key, his token and the heads that he remembers."""
    named = os.environ.get(OPERATOR_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_config_dir("govconsole"))


def _callable(url: str) -> str:
    try:
        target(url)
    except InvalidRequestError as error:
        raise ValueError(error.detail) from None
    return url


class Settings(BaseSettings):
    """What an operator can set, each with its meaning, unit and default."""

    model_config = SettingsConfigDict(env_prefix="GOVD_", extra="forbid", frozen=True)
    source: ClassVar[Path | None] = None

    agent_host: str = Field(
        "127.0.0.1", description="Address of the agents' door. Beyond loopback it needs TLS."
    )
    agent_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8200, description="TCP port of the agents' door. 0: the system picks one."
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file with the certificate of the agents' door."
    )
    tls_key: Path | None = Field(None, description="PEM file with the key of that certificate.")
    pages_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        0,
        description="TCP port on 127.0.0.1 of the page that records a clip; open only while somebody has a "
        "capture ticket. 0: the system picks one. Set it to forward it over SSH.",
    )
    agent_sockets: Path | None = Field(
        None, description="Folder for one Unix socket per agent. Unset: STATE with `-agents` behind it."
    )
    database: str | None = Field(
        None, description="SQLAlchemy URL (`postgresql+psycopg://…`). Unset: SQLite in the state directory."
    )
    policy: Path | None = Field(
        None, description="The policy file that is watched. Unset: STATE/policy.yaml."
    )
    disk_edits: Literal["draft", "trusted"] = Field(
        "draft",
        description="What becomes of an edit on disk that loosens: a draft that waits for a signature, or at "
        "once, which is refused where an agent could have made the edit.",
    )
    anchor: Path | None = Field(
        None,
        description="File outside STATE that remembers the log's head. Unset: beside STATE.",
    )
    outcome_within: timedelta = Field(
        timedelta(hours=1), description="After so long without a report a redeemed action is `unknown`."
    )
    held_bytes: Annotated[int, Field(ge=4 * MAX_BODY_BYTES, le=2**40)] = Field(
        16 * 1024 * 1024,
        description="How many bytes the intents of one agent may take that wait for a person. What would "
        "come above is refused (429) until some of them are settled.",
    )
    transcription_url: Annotated[str, AfterValidator(_callable)] | None = Field(
        None,
        description="Where phrases are transcribed: the whole URL of an OpenAI-shaped "
        "`POST …/v1/audio/transcriptions`. `http://` for this machine alone. Unset: no phrase is asked for.",
    )
    transcription_model: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")] = Field(
        "whisper-1", description="The model that the upstream is asked for."
    )
    transcription_language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = Field(
        "en", description="The language that the upstream is told; phrases are English words."
    )
    transcription_token: Path | None = Field(
        None, description="File, mode 0600, with the upstream's bearer token. Unset: none is sent."
    )
    transcription_ca: Path | None = Field(
        None,
        description="PEM file with the one authority that the upstream is checked by. Unset: the system's.",
    )
    transcription_timeout: Annotated[int, Field(ge=1, le=45)] = Field(
        20, description="Seconds that a transcription may take altogether."
    )
    step_up_phrase: bool = Field(
        default=False,
        description="Whether an operator who shows his voice says a fresh phrase. Needs `transcription_url`.",
    )
    group_limit: Annotated[int, Field(ge=1, le=1024)] = Field(
        128, description="How many works one commit takes at most."
    )

    @model_validator(mode="after")
    def _phrases_need_an_upstream(self) -> Self:
        if self.transcription_url is None and self.step_up_phrase:
            raise ValueError("step_up_phrase needs transcription_url: nobody could show his voice")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags over environment over file; no .env file: the working directory is never searched."""
        file = TomlConfigSettingsSource(settings_cls, cls.source) if cls.source else None
        return tuple(item for item in (init_settings, env_settings, file) if item is not None)


RELOADABLE = frozenset(
    {
        "policy",
        "disk_edits",
        "held_bytes",
        "outcome_within",
        "transcription_url",
        "transcription_model",
        "transcription_language",
        "transcription_token",
        "transcription_ca",
        "transcription_timeout",
        "step_up_phrase",
    }
)
"""Settings that `govd reload` takes over; the others need a restart."""


def read_settings(state: Path, **flags: Any) -> Settings:  # noqa: ANN401 - any setting
    """The settings of a state directory.

    Raises:
        InvalidRequestError: a key or a value that the settings do not know, each named.
    """
    path = state / "govd.toml"
    bound = type("Settings", (Settings,), {"source": path if path.exists() else None, "__module__": __name__})
    hidden = {name: os.environ.pop(name) for name in (STATE_VARIABLE,) if name in os.environ}
    try:
        found: Settings = bound(**{key: value for key, value in flags.items() if value is not None})
    except (ValidationError, ValueError) as error:
        raise InvalidRequestError(f"{path}: {_first(error)}", hint="see docs/reference/settings.md") from None
    finally:
        os.environ.update(hidden)
    return found


def _first(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        item = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
    return str(error)


class Layout:
    """Where things lie in a state directory."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.audit = state / "audit"
        self.keys = state / "keys"
        self.run = state / "run"
        self.operators_socket = self.run / "operators.sock"
        self.lock = state / "govd.lock"
        self.settings = state / "govd.toml"
        self.policy = state / "policy.yaml"
        self.state_key = self.keys / "state.key"

    def database_url(self, settings: Settings) -> str:
        """The SQLAlchemy URL."""
        return settings.database or f"sqlite:///{self.state / 'govd.db'}"

    def anchor(self, settings: Settings) -> Path:
        """The file that remembers the head, outside the state directory."""
        return settings.anchor or self.state.with_name(self.state.name + ".anchor")

    def agent_sockets(self, settings: Settings) -> Path:
        """The folder of the agents' sockets: outside the state directory, which nobody else may enter."""
        return settings.agent_sockets or self.state.with_name(self.state.name + "-agents")

    def policy_file(self, settings: Settings) -> Path:
        """The policy file that is watched."""
        return settings.policy or self.policy
