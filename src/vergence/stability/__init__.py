"""Steady over time: where the cuts are, and depth that does not flicker between them."""
