"""The version. setup.cfg reads it here; to ask the metadata for it would take 20 ms."""

VERSION = "0.1.0"
