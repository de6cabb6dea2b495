"""Conversations: what was said, and the pictures, for as long as somebody's question needs them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.store.conversations import Conversations, KeptPicture
from bot.store.database import Database
from bot.store.jobs import Jobs
from bot.store.records import Address, JobRecord
from model.requests import Answer, Question, Turn

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PICTURES = [KeptPicture("cat.png", b"\x00one"), KeptPicture("dog.jpg", b"two")]
ALICE, BOB = 7, 8


@dataclass
class Store:
    jobs: Jobs
    conversations: Conversations

    async def ask(
        self, words: str, parent: str | None = None, owner: int = ALICE, answer: str | None = None, days: int = 0
    ) -> None:
        """Add a question whose id is its words; the first one begins the conversation."""
        request = Question(pictures=(), question=words, id=words, owner=str(owner))
        record = JobRecord(
            id=words,
            request=request,
            owner=owner,
            address=Address(guild=1, channel=2),
            model="demo",
            asked=NOW - timedelta(days=days),
            conversation="first",
            parent=parent,
        )
        await self.jobs.database.transact(self.jobs.added(record))
        if parent is None:
            await self.conversations.keep("first", owner, PICTURES, 10**6, 10**6)
        if answer:
            await self.jobs.move(words, "made", NOW, outcome=Answer(answer, 1, True, 0, {}))
            await self.jobs.move(words, "delivered", NOW)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    database = Database(tmp_path)
    await database.open()
    yield Store(Jobs(database), Conversations(database))
    await database.close()


async def test_a_conversation_comes_back_as_it_was_said(store: Store) -> None:
    await store.ask("first", answer="A cat.")
    await store.ask("second", "first", answer="Grey.")
    await store.ask("another", "first", answer="No.")
    await store.ask("third", "second")
    said = (Turn(question="first", answer="A cat."), Turn(question="second", answer="Grey."))
    assert await store.conversations.turns("third") == said  # it has no answer yet
    assert await store.conversations.turns("another") == (said[0], Turn(question="another", answer="No."))
    assert await store.conversations.turns(None) == ()
    assert list(await store.conversations.pictures("first")) == PICTURES


async def test_what_is_deleted_is_no_longer_said_and_the_rest_holds_together(store: Store) -> None:
    await store.ask("first", answer="A cat.")
    await store.ask("second", "first", answer="Grey.")
    await store.ask("third", "second", answer="Yes.")
    await store.jobs.remove("second")
    assert [turn.question for turn in await store.conversations.turns("third")] == ["first", "third"]
    await store.jobs.remove("first")
    assert [turn.question for turn in await store.conversations.turns("third")] == ["third"]
    assert list(await store.conversations.pictures("first")) == PICTURES


async def test_pictures_go_with_the_last_question_of_who_handed_them_in(store: Store) -> None:
    await store.ask("first", answer="A cat.")
    await store.ask("second", "first", answer="Grey.")
    await store.ask("bob's", "second", owner=BOB, answer="Yes.")
    await store.jobs.remove("first")
    assert await store.conversations.pictures("first")
    await store.jobs.remove("second")
    assert await store.conversations.pictures("first") == ()
    assert await store.jobs.get("bob's")


async def test_they_expire_with_their_questions(store: Store) -> None:
    await store.ask("first", answer="A cat.", days=40)
    await store.ask("second", "first", answer="Grey.", days=20)
    await store.jobs.expire(NOW - timedelta(days=30))
    assert await store.conversations.pictures("first")
    await store.jobs.expire(NOW - timedelta(days=10))
    assert await store.conversations.pictures("first") == ()


async def test_the_last_answer_is_the_newest_public_one(store: Store) -> None:
    await store.ask("first", answer="A cat.", days=1)
    await store.ask("second", "first", answer="Grey.")
    await store.ask("third", "second")  # not answered
    last = await store.jobs.last_answer(2, ALICE)
    assert last
    assert last.id == "second"
    assert await store.jobs.last_answer(2, BOB) is None
    assert await store.jobs.last_answer(3, ALICE) is None


async def test_jobs_go_with_their_messages(store: Store) -> None:
    await store.ask("first", answer="A cat.")
    await store.jobs.note_address("first", Address(guild=1, channel=2, message=99))
    shown = await store.jobs.shown_on(99)
    assert shown
    assert shown.id == "first"
    assert await store.jobs.forget_messages({98, 99}) == 1
    assert await store.jobs.shown_on(99) is None
    assert await store.conversations.pictures("first") == ()
