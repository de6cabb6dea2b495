"""Everything that knows torch; a library in its own right. It never imports discord, and imports nothing here."""
