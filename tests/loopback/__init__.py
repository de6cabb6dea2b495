"""A small Discord on real sockets, for what only real sockets show: resets, limits, lost connections."""
