"""What can be done in Sample."""
