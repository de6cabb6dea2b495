"""What goes wrong: a refusal is a plain sentence for a person, a bug has an id by which it is found in the log."""

import logging

from bot.texts import Texts
from model.errors import PlainError
from model.requests import Cause, Failed, Refused, new_id

log = logging.getLogger(__name__)


class Refusal(PlainError):  # noqa: N818 (no fault of the program's)
    """What was asked for can't be done. The message is one sentence, in the language of who asked."""


def reason_in(texts: Texts, refused: Refused | Failed) -> str:
    """Say in a member's language why the model can't take a request; in the model's own words where there are none."""
    sentences: dict[Cause, str] = {
        "prompt": texts.refused_prompt,
        "avoid": texts.refused_avoid,
        "question": texts.refused_question,
        "conversation": texts.refused_conversation,
        "pictures": texts.refused_pictures,
    }
    return sentences.get(refused.cause, "{reason}").format(limit=refused.limit, reason=refused.reason)


def log_bug(error: BaseException, id: str = "") -> str:
    """Log an error with its traceback under an id, by default a new one, and return that to find it by."""
    bug = id or new_id()
    log.error("Bug %s", bug, exc_info=error)
    return bug
