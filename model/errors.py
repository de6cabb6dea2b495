"""The one kind of error that is written for people."""


class PlainError(Exception):
    """Something a person can mend. The message is one plain line: what is wrong, where, and what to do."""
