"""The AWS room: IAM users and their access keys, across the configured accounts."""
