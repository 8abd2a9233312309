"""The speaker encoder: speech in, one vector of length 1 out, computed in a process of its own."""
