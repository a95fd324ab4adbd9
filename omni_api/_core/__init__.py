"""Decisions without I/O, shared by both facades: no channel, no event loop, no clock of its own."""
