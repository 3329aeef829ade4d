"""Skeletons that work, to be made one's own: an action, a vendor, a playbook, a channel. `make new-action` and its like write them."""
