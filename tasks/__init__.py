"""Containment actions and the queries that find their targets: one a file, named by its path."""
