"""Chaos: processes killed at any instant, replies lost on the wire; judged by the vendors' own state, never by our journal."""
