"""Slack: slack-bolt on slack-sdk, in Socket Mode or at a signed request URL."""
