"""How fast it is, measured where it matters: at the vendors. ``make bench`` runs it; a limit that is missed makes it fail."""
