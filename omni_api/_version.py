"""The version, as setup.cfg has it: `importlib.metadata` would take 20 ms of the first call."""

VERSION = "0.1.0"
