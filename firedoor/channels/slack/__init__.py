"""Slack: slack-bolt on slack-sdk, over Socket Mode."""
