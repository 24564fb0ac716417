"""Hostile pictures made by code, with the standard library alone: one module a format, each with `kinds()`."""
