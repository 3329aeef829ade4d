"""The Jira room: what Firedoor knows of Jira Cloud and Data Center, its client, and Jira on loopback for drills and tests."""
