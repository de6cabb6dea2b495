"""Everything that knows Discord. Importing it never leads to torch."""
