"""What a vendor is tried with, as it lies in ``tests``."""
