"""One job, from "may it?" to the last edit of its message."""
