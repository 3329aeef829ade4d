"""What can be told in Jira."""
