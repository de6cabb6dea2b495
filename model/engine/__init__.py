"""Who is served next, and what every step holds. Importing this package imports no torch: its modules do."""
