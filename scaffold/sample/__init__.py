"""A vendor to begin with: accounts that are switched off."""
