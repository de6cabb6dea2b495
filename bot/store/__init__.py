"""What the bot keeps on disk: one SQLite file."""
