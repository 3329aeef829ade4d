"""One folder a vendor: the client that alone talks to it, and a simulator that speaks its protocol on loopback."""
