"""Exports of the audit log: a file for each day, whole or not there, with a manifest."""
