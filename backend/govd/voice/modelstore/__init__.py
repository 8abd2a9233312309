"""Speaker models on this machine: taken in as the hostile files that they may be, pinned, chosen, removed."""
