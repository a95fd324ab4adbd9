"""Makes the sources of the documentation site: `python -m docs.website build/docs-source`.

Pages that people wrote stay where readers of the repository expect them. Here they are laid out for
Sphinx, and the reference is written from the code and the terminal program.
"""
