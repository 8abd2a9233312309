"""The limits on what may come in, each in one place and with its unit. Tests feed one more than each."""

from __future__ import annotations

MAX_BODY_BYTES = 256 * 1024
"""A request body, in bytes, on either door (policies have their own, larger one)."""

MAX_POLICY_BYTES = 1024 * 1024
"""A policy file, in bytes."""

MAX_DEPTH = 24
"""Nesting of objects and arrays in a body."""

MAX_NODES = 20_000
"""Values (scalars, objects, arrays) in a body."""

MAX_STRING = 64 * 1024
"""One string in a body, in UTF-16-independent code points."""

MAX_NAME = 128
"""Names: agents, tools, rules, operators."""

MAX_PURPOSE = 2_000
"""An agent's purpose, in code points."""

MAX_REASON = 4_000
"""A reason or a guidance text, in code points."""

MAX_LIST = 256
"""Entries of a list that has no limit of its own."""

MAX_FILTER = 400
"""A filter of the queue, in characters."""

MAX_FILTER_TERMS = 24
"""Terms of one filter."""

MAX_FILTER_VALUES = 16
"""Alternatives of one term."""

MAX_PAGE = 500
"""Jobs in one page."""

MAX_IDS = 200
"""Jobs that are asked for by their ids at once."""

MAX_INTEGER_BITS = 256
"""Integers beyond this are refused: nothing that we govern has more."""

MAX_FLOAT_DIGITS = 40
"""Characters of one number with a fraction or an exponent."""

MAX_WAIT_SECONDS = 60
"""A long poll, in seconds."""

MAX_HEADER_BYTES = 32 * 1024
"""The request line and all headers of one request, in bytes."""

MAX_DRAINED_BYTES = 64 * 1024 * 1024
"""What is read of a body and thrown away after its answer was given, in bytes; then the door closes."""

MAX_REQUEST_SECONDS = 30
"""From a connection, or the first byte of a request, to the request's last byte, in seconds."""

MAX_CONNECTIONS_PER_PEER = 256
"""Connections that one Unix user, or one address, has at one door (threats T18)."""

MAX_HEADER_HEAD = 400
"""The remembered head that a client sends along, in characters."""

MAX_PENDING_PER_AGENT = 1_000
"""Held intents that one agent may have waiting (threats T18)."""

MAX_TOKENS_PER_AGENT = 32
"""Tokens of one agent that are good at once: each renewal is one more until the older ones end."""

MAX_INTENTS_PER_JOB = 200
"""Intents in one job: what a person can still review as one thing."""

MAX_STREAMS_PER_IDENTITY = 8
"""Event streams and long polls that one identity may hold open at once (threats T18)."""

HEARTBEAT_SECONDS = 15
"""A stream in which nothing happens says so this often; a client that hears nothing for long has lost it."""

MAX_UPDATES = 32
"""References that one push moves."""

MAX_EVIDENCE_BYTES = 256 * 1024
"""The text of one piece of evidence, in bytes of UTF-8."""

MAX_EVIDENCE_BODY_BYTES = 2 * 1024 * 1024
"""Evidence as a request body, in bytes: JSON writes a control character as six."""

MAX_EVIDENCE_COMMITS = 12
"""Commits that evidence lists beside its text; the rest is counted."""

MAX_EVIDENCE_PATHS = 24
"""Changed paths that evidence lists beside its text; the rest is counted."""

MAX_EVIDENCE_WHY = 300
"""A sentence of evidence, in code points."""

MAX_EVIDENCE_PER_AGENT = 32 * 1024 * 1024
"""Evidence for what one agent has waiting, texts and what is listed beside them, in bytes (threats T18)."""

MAX_PROMPT = 400
"""What a person is asked to read aloud, in code points."""
