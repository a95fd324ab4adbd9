"""What the start page has beside the README: ways into the site, as cards."""

CARDS = """
::::{grid} 1 2 2 3
:gutter: 3
:class-container: start-cards

:::{grid-item-card} Guides
:link: guides/auth
:link-type: doc

Keys and TLS, errors and retries, streams, the audit log, support bundles, machine logs.
:::

:::{grid-item-card} Reference
:link: reference/index
:link-type: doc

Every method, blocking and asyncio side by side, every value and every error.
:::

:::{grid-item-card} Test offline
:link: guides/testing-offline
:link-type: doc

A simulated Omni in your process: break it, turn its clock, ask what it saw.
:::
::::
"""
