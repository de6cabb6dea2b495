"""Conversations: the pictures that questions are about, and what was said about them.

A conversation is a tree of questions: each goes on from the one that it answers to, or begins a conversation with
pictures of its own. What was said is in the table of jobs; the pictures are kept once, and go with the last question
of the member who handed them in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.store.database import Database, Statement
from model.requests import Turn

TURNS: Final = """
    WITH RECURSIVE said (id, parent, request, result, back) AS (
        SELECT id, parent, request, result, 0 FROM jobs WHERE id = ?
        UNION ALL
        SELECT jobs.id, jobs.parent, jobs.request, jobs.result, back + 1 FROM jobs JOIN said ON jobs.id = said.parent
    )
    SELECT json_extract(request, '$.question') AS question, json_extract(result, '$.text') AS answer
    FROM said WHERE result IS NOT NULL ORDER BY back DESC
"""

KEEP: Final = """
    INSERT INTO pictures (conversation, number, owner, name, data, small, bytes) SELECT ?, ?, ?, ?, ?, ?, ?
    WHERE EXISTS (SELECT 1 FROM jobs WHERE conversation = ? AND owner = ?)
"""

CAP: Final = """
    DELETE FROM pictures WHERE (SELECT sum(bytes) FROM pictures {whose}) > ?2 AND conversation IN (
        SELECT conversation FROM (
            SELECT conversation, sum(bytes) OVER (ORDER BY +rowid DESC) AS with_newer FROM pictures {whose}
        ) WHERE with_newer > ?2
    )
"""


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """A picture that questions are about."""

    name: str  # of the file that was handed in
    data: bytes  # a PNG of what the model takes of it
    small: bytes = b""  # a WebP of it, as messages show it


class Conversations:
    """The table of pictures, and the thread that runs through the jobs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def kept(self, conversation: str, owner: int, pictures: Sequence[KeptPicture]) -> Sequence[Statement]:
        """Return the statements that keep the pictures that a conversation is about."""
        return [
            (
                KEEP,
                (
                    *(conversation, number, owner, picture.name, picture.data, picture.small),
                    len(picture.data) + len(picture.small),
                    *(conversation, owner),
                ),
            )
            for number, picture in enumerate(pictures)
        ]

    async def keep(
        self, conversation: str, owner: int, pictures: Sequence[KeptPicture], member_bytes: int, total_bytes: int
    ) -> None:
        """Keep the pictures that a conversation is about, unless it was forgotten meanwhile.

        Of what is more than `member_bytes` of one owner's, or `total_bytes` in all, the oldest conversations lose
        their pictures.
        """
        await self.database.transact(
            *self.kept(conversation, owner, pictures),
            (CAP.format(whose="WHERE owner = ?1"), (owner, member_bytes)),
            (CAP.format(whose=""), (0, total_bytes)),
        )

    async def pictures(self, conversation: str) -> tuple[KeptPicture, ...]:
        """Return a conversation's pictures; none if they are gone."""
        rows = await self.database.rows(
            "SELECT name, data, small FROM pictures WHERE conversation = ? ORDER BY number", (conversation,)
        )
        return tuple(KeptPicture(**row) for row in rows)

    async def turns(self, question: str | None) -> tuple[Turn, ...]:
        """Return what was said up to a question and its answer, oldest first."""
        rows = await self.database.rows(TURNS, (question,))
        return tuple(Turn(question=row["question"], answer=row["answer"]) for row in rows)
