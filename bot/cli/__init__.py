"""What no member ever sees: the command line, and all that it starts."""
