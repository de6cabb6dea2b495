"""Checkpoints: what they are called, where they lie, how they are fetched and read, and the words they know."""
