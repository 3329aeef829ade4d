"""Evidence packs: one run's record with all it takes to check it elsewhere, without Firedoor."""
