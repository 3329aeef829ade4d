"""A whole containment beside what else would do the same: the bare calls at once, a script that makes one after the other, and Ansible."""
