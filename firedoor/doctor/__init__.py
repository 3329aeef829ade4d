"""What stands in the way of containment, found by daylight: every setting, credential and thing prepared, looked at and left as it is."""
