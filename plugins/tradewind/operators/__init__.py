"""Operators of our own, where a plain task is not enough."""
