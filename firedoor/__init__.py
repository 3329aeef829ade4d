"""Firedoor contains an identity breach in seconds and proves that it did."""

__version__ = "0.1.0"
