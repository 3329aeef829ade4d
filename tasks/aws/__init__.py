"""What can be done in AWS."""
