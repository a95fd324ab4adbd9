"""Calls composed of others, written once for both facades.

A function that returns a `Call` becomes a method that sends it, or a stream. A generator that
yields calls and is sent their answers becomes a method that makes them one after the other. The
generator of `proto/generate.py` reads signatures and docstrings here and writes the methods.
"""
