"""Drawing: the command, the gallery, and what follows from it."""
