"""How the bot works on a server, and whether it works."""
