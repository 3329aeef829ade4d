"""Whole sweeps beside what else would do the same: a bare script, and Cloud Custodian; and how a sweep grows with what it sweeps."""
