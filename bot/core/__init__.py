"""What all rooms share, and the ground they stand on: the client and what it owns."""
