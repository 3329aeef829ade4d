"""A sweep of thousands of credentials, at simulated vendors, with traps among them."""
