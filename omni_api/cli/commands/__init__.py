"""The commands, a module each. Each calls its click command `command`; `app.py` lists them."""
