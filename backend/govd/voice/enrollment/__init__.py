"""How a voice comes in, is replaced and leaves: drafts, requests, consent, what is signed."""
