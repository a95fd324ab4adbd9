"""The daemon of `python -m omni_api.audit`: it reads, writes, remembers, and tells how it is."""
