"""A channel to begin with."""
