"""Where pictures stand on a message."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord.components import _component_factory

from bot.config import Limits
from bot.core.errors import Refusal
from bot.media.inputs import check, pictures_on
from bot.texts import ENGLISH
from tests.bot.conftest import World
from tests.bot.samples import fitted, png

PROXY = "https://images-ext-1.discordapp.net/external/abc/cat.png"


def media(kind: str = "image/png") -> dict[str, Any]:
    return {"url": "https://evil.example/cat.png", "proxy_url": PROXY, "content_type": kind, "width": 30, "height": 20}


def message(**parts: Any) -> Any:
    return SimpleNamespace(**{"attachments": [], "components": [], "embeds": [], "content": "", **parts})


async def test_pictures_in_a_layout_are_read_through_discord_s_proxy() -> None:
    container = {
        "type": 17,
        "components": [
            {"type": 9, "components": [{"type": 10, "content": "x"}], "accessory": {"type": 11, "media": media()}},
            {"type": 12, "items": [{"media": media(), "spoiler": True}, {"media": media("video/mp4")}]},
        ],
    }
    shown = _component_factory(container)  # type: ignore[arg-type]
    found = pictures_on(message(components=[shown]))
    assert [(picture.width, picture.height, picture.is_spoiler()) for picture in found] == [
        (30, 20, False),
        (30, 20, True),
    ]
    assert [picture.url for picture in found] == [PROXY] * 2


async def test_the_preview_of_a_link_is_a_picture() -> None:
    link = discord.Embed.from_dict({"thumbnail": media()})
    words = discord.Embed(title="no picture")
    (found,) = pictures_on(message(embeds=[words, link]))
    assert found.url == PROXY


@pytest.mark.parametrize(
    ("content", "hidden"),
    [
        ("|| https://evil.example/cat.png ||", True),
        ("the end: ||look\nhttps://evil.example/cat.png||", True),
        ("https://evil.example/cat.png", False),
        ("||nobody|| https://evil.example/cat.png", False),
    ],
)
async def test_a_link_that_is_hidden_leads_to_a_hidden_picture(content: str, hidden: bool) -> None:
    link = discord.Embed.from_dict({"thumbnail": media()})
    (found,) = pictures_on(message(embeds=[link], content=content))
    assert found.is_spoiler() is hidden


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        (None, True),
        ("application/octet-stream", True),
        ("IMAGE/PNG", True),
        ("text/plain", False),
        ("video/mp4", False),
    ],
)
def test_a_file_of_unknown_type_is_worth_a_look(kind: str | None, taken: bool) -> None:
    file = SimpleNamespace(filename="cat", content_type=kind, size=10, width=None, height=None)
    with nullcontext() if taken else pytest.raises(Refusal, match="isn't a picture"):
        check(file, Limits(), ENGLISH)


async def test_files_come_first() -> None:
    file = SimpleNamespace(id=1, content_type="image/png")
    notes = SimpleNamespace(id=2, content_type="text/plain")
    link = discord.Embed.from_dict({"thumbnail": media()})
    assert pictures_on(message(attachments=[notes, file], embeds=[link])) == [file]
    assert pictures_on(message(attachments=[notes])) == [notes]
    assert pictures_on(message()) == []


async def test_a_file_that_is_listed_and_shown_is_found_once_and_one_that_is_only_shown_by_its_own_address() -> None:
    cdn = "https://cdn.discordapp.com/attachments/1"
    listed = SimpleNamespace(id=7, content_type="image/png", filename="seven.png")
    items = [{"media": {**media(), "url": f"{cdn}/{id}/SPOILER_{id}.png?ex=1", "attachment_id": id}} for id in (7, 8)]
    shown = _component_factory({"type": 12, "items": items})  # type: ignore[typeddict-item]
    first, second = pictures_on(message(attachments=[listed], components=[shown]))
    assert first.filename == "seven.png"
    assert second.filename == "SPOILER_8.png"
    assert second.url == f"{cdn}/8/SPOILER_8.png?ex=1"


async def test_a_forwarded_picture(world: World) -> None:
    shown = await world.bob.send(world.channel, "look!", attachments=[("cat.png", png())])
    there = world.env.guild.create_text_channel("elsewhere")
    forwarded = await world.bob.forward(shown, there)
    await world.alice.context_menu(there, "Describe this image", forwarded)
    assert world.executor.last_question.pictures == (fitted(),)
