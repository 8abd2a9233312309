"""The kinds of intent: what an agent can declare, one model a kind.

A new kind is a new model here and its rules in `govd.policy`; nothing else lists them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from govd.contract.limits import MAX_LIST, MAX_UPDATES
from govd.contract.wire import Int, JsonObject, Line, Name, Sha256, ToolName, Wire

Path = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^/")]
"""An absolute path."""

EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=256)]
Domain = Annotated[str, StringConstraints(min_length=1, max_length=260)]
Decimal = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,78}(\.[0-9]{1,18})?$")]
"""A non-negative decimal, as a string: money is never a float."""

Chain = Annotated[str, StringConstraints(pattern=r"^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$")]
"""A CAIP-2 chain id."""

HexData = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-fA-F]{2})*$", max_length=60_000)]
Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]


class PinnedFile(Wire):
    """A file as it was when the intent was declared: where it is and what it held."""

    path: Path
    sha256: Sha256


Ref = Annotated[str, StringConstraints(pattern=r"^refs/[^\x00-\x20\x7f~^:?*\[\\]+$", max_length=512)]
Object = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
"""A git object by its hash, SHA-1 or SHA-256."""


class RefUpdate(Wire):
    """One reference that a push would move: to which object."""

    ref: Ref
    object: Object


class GitPush(Wire):
    """A push with everything resolved: the executor pushes these objects to this URL and nothing else."""

    repository: Path
    url: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    updates: Annotated[list[RefUpdate], Field(min_length=1, max_length=MAX_UPDATES)]


class ModelCall(Wire):
    """A call of a language model, declared for the limits."""

    model: Line
    tokens: Annotated[Int, Field(ge=0, le=10**9)]


class ToolCall(Wire):
    """A call of a tool by its registered name, and the domains that it would reach."""

    tool: ToolName
    arguments: JsonObject = Field(default_factory=dict)
    domains: Annotated[list[Domain], Field(max_length=MAX_LIST)] = Field(default_factory=list)


class EvmTransaction(Wire):
    """A transaction on an EVM chain. `value` is in wei, a decimal string."""

    chain: Chain
    sender: Annotated[Address, Field(alias="from")]
    to: Address | None
    value: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,78}$")]
    data: HexData = "0x"


class HttpRequest(Wire):
    """An HTTP request that the agent would make by itself."""

    method: Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,16}$")]
    url: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    body_sha256: Sha256 | None = None


class FileWrite(Wire):
    """A file that would be written; `size` in bytes."""

    path: Path
    sha256: Sha256
    size: Annotated[Int, Field(ge=0, le=2**50)]


class ProcessExec(Wire):
    """A command that would run. `env` maps the names that are passed on to the SHA-256 of their values."""

    argv: Annotated[list[Line], Field(min_length=1, max_length=1024)]
    cwd: Path
    env: Annotated[dict[EnvName, Sha256], Field(max_length=MAX_LIST)] = Field(default_factory=dict)
    binary: PinnedFile
    scripts: Annotated[list[PinnedFile], Field(max_length=32)] = Field(default_factory=list)
    git: GitPush | None = None


class Audio(Wire):
    """Use of a microphone, a recording, or audio leaving the machine."""

    use: Literal["microphone", "record", "egress"]
    host: Domain | None = None
    seconds: Annotated[Int, Field(ge=0, le=10**6)] | None = None


class ContextRelease(Wire):
    """A packaged context leaving the perimeter."""

    package_sha256: Sha256
    target_model: Line
    classes: Annotated[list[Name], Field(max_length=MAX_LIST)] = Field(default_factory=list)


class SecretRead(Wire):
    """A secret by its name."""

    name: Line


class Admin(Wire):
    """An operation on the agents' or the product's own configuration."""

    operation: Line
    arguments: JsonObject = Field(default_factory=dict)


Action = (
    ModelCall
    | ToolCall
    | EvmTransaction
    | HttpRequest
    | FileWrite
    | ProcessExec
    | Audio
    | ContextRelease
    | SecretRead
    | Admin
)

ACTIONS: dict[str, type[Action]] = {
    "model_call": ModelCall,
    "tool_call": ToolCall,
    "evm_transaction": EvmTransaction,
    "http_request": HttpRequest,
    "file_write": FileWrite,
    "process_exec": ProcessExec,
    "audio": Audio,
    "context_release": ContextRelease,
    "secret_read": SecretRead,
    "admin": Admin,
}
"""Every kind by its name on the wire."""
