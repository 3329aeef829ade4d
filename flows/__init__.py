"""Prefect flows: the only rooms that import prefect."""
