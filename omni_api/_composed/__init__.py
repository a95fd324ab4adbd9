"""Operations composed of calls, written once for both facades.

A function that returns a `Call` becomes a method that sends it; a `StreamCall`, one that returns
its stream. One that returns `Steps[T]` becomes a method that carries them out and returns a T; one
that returns a `Composite[T]` becomes a method that returns a stream of T. `proto/generate.py` reads
signatures and docstrings here and writes the methods; `_core/steps.py` says what steps there are.
"""
