"""The one way to ask about pictures, for commands, menus, buttons, forms and messages.

Whatever can be refused at once is refused before anything is shown.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import discord

from bot.config import Limits
from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.text import alt_text, is_demo, well_formed
from bot.features.ask.answer import AnswerPresenter, Asked
from bot.jobs import admission
from bot.jobs.delivery import Delivery
from bot.jobs.interaction import InteractionTarget
from bot.jobs.presenter import Revived
from bot.jobs.rights import Wanted
from bot.jobs.target import Target
from bot.media import inputs
from bot.media.decoding import Seen, look
from bot.media.inputs import MOST_PICTURES, InputFile
from bot.media.uploads import Upload
from bot.store.conversations import KeptPicture
from bot.store.records import JobRecord, Origin
from bot.texts import ENGLISH, Texts
from bot.ui.layout import origin_line
from model.requests import Question, new_id


@dataclass(frozen=True, slots=True)
class Node:
    """Where in a conversation a question stands: after `parent`, or at its beginning."""

    conversation: str
    parent: str | None = None
    spoiler: bool = False  # they were hidden where they come from


async def ask(
    bot: JanusBot,
    target: Target,
    files: Sequence[InputFile],
    words: str,
    *,
    seed: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    origin: Origin | None = None,
) -> None:
    """Ask about one picture or more, and stay until the answer is delivered.

    Of more than MOST_PICTURES files the first ones are taken. Raises Refusal, before anything is shown.
    """
    limits, texts = bot.settings.limits, target.texts
    taken = files[:MOST_PICTURES]
    await admission.check(bot, target, Wanted.answer(len(taken)), words, texts.question_empty)
    for file in taken:
        inputs.check(file, limits, texts)
    usual = (await bot.settings_in(target.guild_id)).ask
    question = usual.question(words, seed=seed, temperature=temperature, top_p=top_p)
    notes = [texts.first_pictures.format(n=MOST_PICTURES)] if len(files) > MOST_PICTURES else []
    hidden = (await bot.store.servers.get(target.guild_id)).spoilers or any(file.is_spoiler() for file in taken)
    node = Node(question.id, spoiler=hidden)
    await _answer(bot, target, question, node, taken, notes, origin)


async def describe(bot: JanusBot, target: Target, files: Sequence[InputFile], origin: Origin | None = None) -> None:
    """Have pictures described, in the same way."""
    texts = ENGLISH if is_demo(bot.executor.status().model) else target.texts  # the only language that it knows
    words = texts.describe_one if len(files) == 1 else texts.describe_several
    await ask(bot, target, files, words, origin=origin)


async def follow_up(bot: JanusBot, target: Target, record: JobRecord, words: str, origin: Origin | None = None) -> None:
    """Go on from an answer: with its pictures, and all that was said before. Raises Refusal as `ask` does."""
    if not isinstance(record.request, Question) or (record.address.private and not target.private):
        raise Refusal(target.texts.forgotten)
    if record.state in ("accepted", "running"):
        raise Refusal(target.texts.not_answered)
    await _go_on(bot, target, record, replace(record.request, question=words), record.id, origin)


async def ask_again(interaction: discord.Interaction[JanusBot], record: JobRecord) -> None:
    """Ask once more what was not answered, on the same message. Raises Refusal as `ask` does."""
    assert isinstance(record.request, Question)
    target = InteractionTarget(interaction, private=record.address.private, in_place=True)
    await _go_on(interaction.client, target, record, record.request, record.parent, record.origin, again=record)


async def _go_on(
    bot: JanusBot,
    target: Target,
    record: JobRecord,
    wish: Question,
    parent: str | None,
    origin: Origin | None,
    again: JobRecord | None = None,
) -> None:
    kept = await bot.store.conversations.pictures(record.conversation or "")
    await admission.check(bot, target, Wanted.answer(len(kept)), wish.question, target.texts.question_empty)
    if not kept:
        raise Refusal(target.texts.picture_gone)
    question = replace(wish, id=new_id())
    node = Node(record.conversation or "", parent, spoiler=record.spoiler)
    await _answer(bot, target, question, node, origin=origin, again=again)


# -- what all ways have in common -------------------------------------------------------------------------------------


async def _answer(
    bot: JanusBot,
    target: Target,
    wish: Question,
    node: Node,
    sources: Sequence[InputFile] = (),
    notes: Sequence[str] = (),
    origin: Origin | None = None,
    again: JobRecord | None = None,
) -> None:
    wish = replace(wish, question=well_formed(wish.question))
    async with admission.accepted(
        bot,
        target,
        wish.id,
        wish,
        spoiler=node.spoiler,
        origin=origin,
        notes=notes,
        sources=sources,
        conversation=node.conversation,
        parent=node.parent,
        again=again,
    ) as record:
        begun = await admission.begin(bot, target, record, again)
    if begun:
        job, revived = begun
        await Delivery(bot, target, record, job, revived.presenter, again).run(revived.files)


async def revive(bot: JanusBot, record: JobRecord, texts: Texts) -> Revived:
    """Take up a question of an earlier process, which may not have read its pictures yet. Raises Refusal."""
    assert isinstance(record.request, Question)
    kept = await bot.store.conversations.pictures(record.conversation or "")
    if kept:
        taken = await _decode(bot, texts, kept)
    elif record.sources:
        taken = await _fetch(bot, texts, record.sources)
        new = await asyncio.get_running_loop().run_in_executor(bot.encoders, _kept, taken)
        await admission.keep(bot, record, new)
    else:
        raise Refusal(texts.picture_gone)
    turns = await bot.store.conversations.turns(record.parent)
    question = replace(record.request, pictures=tuple(one.square for one in taken), turns=turns)
    presenter = _presenter(record, taken, texts)
    return Revived(question, presenter, presenter.asked.pictures)


def _presenter(record: JobRecord, taken: Sequence[Seen], texts: Texts) -> AnswerPresenter:
    moves = record.id == record.conversation and any(one.animated for one in taken)
    notes = [*record.notes, *([texts.first_frame] if moves else [])]
    asked = _shown(texts, record.words.strip(), taken, record)
    return AnswerPresenter(asked, record.id, texts, record.model, notes)


def _shown(texts: Texts, words: str, taken: Sequence[Seen], record: JobRecord) -> Asked:
    names = ["picture"] if len(taken) == 1 else [f"picture-{number}" for number in range(1, len(taken) + 1)]
    small = [
        Upload(f"{name}.webp", one.small, alt_text(texts.alt_asked.format(number=number, question=words)))
        for number, (one, name) in enumerate(zip(taken, names, strict=True), 1)
    ]
    return Asked(words, small, record.spoiler, origin_line(record.origin, texts))


def _kept(taken: Sequence[Seen]) -> Sequence[KeptPicture]:
    return [KeptPicture(one.name, one.png(), one.small) for one in taken]


async def _fetch(bot: JanusBot, texts: Texts, files: Sequence[inputs.Address]) -> Sequence[Seen]:
    limits = bot.settings.limits
    return [await inputs.fetch(file, bot.read, limits, texts, bot.decoders) for file in files]


async def _decode(bot: JanusBot, texts: Texts, kept: Sequence[KeptPicture]) -> Sequence[Seen]:
    decoding = partial(asyncio.get_running_loop().run_in_executor, bot.decoders)
    return [await decoding(_seen_again, one, bot.settings.limits, texts) for one in kept]


def _seen_again(kept: KeptPicture, limits: Limits, texts: Texts) -> Seen:
    """Return a kept picture as it was seen; of earlier versions' ones, the file is kept as it was handed in."""
    seen = look(kept.data, kept.name, limits, texts)
    return replace(seen, small=kept.small) if kept.small else seen
