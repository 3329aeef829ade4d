"""The drill as a page: the simulated Slack, the attacker beside it, and a terminal to sign in, for people without any of these."""
