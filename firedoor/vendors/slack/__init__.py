"""Slack: where people are asked and told, and a simulator of it for drills and tests."""
