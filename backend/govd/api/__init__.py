"""The two doors: agents and operators are two applications on two sockets."""
