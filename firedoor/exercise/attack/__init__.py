"""The attacker of a drill, by what was stolen: Okta sessions and tokens, keys and roles of AWS, an address, a chat session."""
