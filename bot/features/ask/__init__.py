"""Asking: the command, the menus, messages and conversations."""
