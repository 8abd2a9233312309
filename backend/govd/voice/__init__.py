"""Voices: who speaks, as evidence beside a stronger factor. Never the only one."""
