"""What is spoken on the wire, and what both sides must compute alike.

The one part of the backend that the console and the gates may import. Nothing here opens a file, a
socket or a clock, except `votekey`, which reads and writes an operator's own key file, and `headmemory`,
which keeps the heads that a client has seen.
"""
