"""Reviews: what a person is shown, what he signs, and what follows from it."""
