"""The Okta room: what Firedoor knows of Okta's Management API, its client, and Okta on loopback for drills and tests."""
