"""What can be done in Okta."""
