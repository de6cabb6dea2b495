"""What the engine gains, and what it is measured against."""
