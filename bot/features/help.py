"""/help: what the bot can do, with examples to press that the model at hand can do something with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import discord
from discord import app_commands, ui

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.permissions import manages, owns
from bot.core.text import PROMPT_TEXT, QUOTED, is_demo, one_line
from bot.features.ask.form import AskForm
from bot.features.ask.questions import ask
from bot.features.imagine.drawing import draw_words
from bot.jobs import admission
from bot.jobs.interaction import InteractionTarget
from bot.jobs.rights import Wanted
from bot.store.records import Origin
from bot.texts import Texts, described, texts_for
from bot.ui.buttons import Control
from bot.ui.forms import open_form
from bot.ui.layout import BUSY, layout


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples by the name that stands in their button. They are in English, as the models read it best."""

    drawings: Mapping[str, str]  # prompts
    questions: Mapping[str, str]


JANUS: Final = Examples(  # those of DeepSeek's own demo program
    drawings={
        "raccoon": "Master shifu racoon wearing drip attire as a street gangster.",
        "face": "The face of a beautiful girl",
        "astronaut": "Astronaut in a jungle, cold color palette, muted colors, detailed, 8k",
        "wine": "A glass of red wine on a reflective surface.",
        "fox": (
            "A cute and adorable baby fox with big brown eyes, autumn leaves in the background "
            "enchanting,immortal,fluffy, shiny mane,Petals,fairyism,unreal engine 5 and Octane Render,"
            "highly detailed, photorealistic, cinematic, natural colors."
        ),
    },
    questions={"meme": "explain this meme", "formula": "Convert the formula into latex code."},
)
DEMO: Final = Examples(  # of the small world that its README describes
    drawings={
        "circle": "a red circle on a blue background",
        "star": "a large yellow star in the centre on a black background",
        "square": "a small green square in the top left corner",
        "cross": "a pink cross on the right on a gray background",
        "pair": "a large red circle above a small blue square on a white background",
    },
    questions={"count": "how many shapes are there?", "describe": "describe this image"},
)


CHOICES: Final = "`{red, green, blue} circle`"


def examples_for(model: str) -> Examples:
    """Return the examples for a model, by the name that was asked for."""
    return DEMO if is_demo(model) else JANUS


def prompt_of(name: str = "", *_: str) -> str | None:
    """Return the prompt of a drawing example, whichever model it is for; None if `name` is none."""
    return {**JANUS.drawings, **DEMO.drawings}.get(name)


def question_of(name: str = "", *_: str) -> str | None:
    """Return the question of an asking example, whichever model it is for; None if `name` is none."""
    return {**JANUS.questions, **DEMO.questions}.get(name)


async def setup(bot: JanusBot) -> None:
    """Add the command and its buttons."""
    bot.tree.add_command(help)
    bot.actions |= {"draw_example": draw_example, "ask_example": ask_example}


@app_commands.command(name="help", description=described("help"))
async def help(interaction: discord.Interaction[JanusBot]) -> None:
    """Show it to who asked, on one screen."""
    bot, may_set = interaction.client, manages(interaction) or owns(interaction)
    lists = (await bot.store.servers.get(interaction.guild_id)).lists
    view = guide(bot, texts_for(interaction), may_set=may_set, lists=list(lists))
    await interaction.response.send_message(view=view, ephemeral=True)


def guide(bot: JanusBot, texts: Texts, *, may_set: bool, lists: Sequence[str]) -> ui.LayoutView:
    """Show what the bot can do, with examples for its model.

    `may_set`: its reader can do something with /settings. `lists`: names of the server's lists of words.
    """
    model = bot.executor.status().model
    examples = examples_for(model)
    others = {
        "queue": texts.help_queue,
        "history": texts.help_history,
        "defaults": texts.help_defaults,
        "status": texts.help_status,
        "privacy": texts.help_privacy,
        **({"settings": texts.help_settings} if may_set else {}),
    }
    menus = bool(bot.tree.get_commands(type=discord.AppCommandType.message))
    imagine = bot.mention("imagine", texts)
    named = " · ".join(f"__{name}__" for name in lists)
    small = [
        texts.help_avoid.format(avoid=texts.option_avoid, imagine=imagine),
        texts.help_careful.format(careful=texts.option_careful, imagine=imagine),
        texts.help_choices.format(example=CHOICES),
        *([texts.help_lists.format(names=one_line(named, QUOTED))] if lists else []),
        texts.help_remix.format(vary=texts.vary, remix=texts.remix),
        texts.help_keep.format(keep=texts.keep, send_me=texts.send_me),
        texts.help_reply,
        *([texts.help_menus] if menus else []),
        " · ".join(f"{bot.mention(command, texts)}: {words}" for command, words in others.items()),
    ]
    intro = texts.help_intro.format(imagine=imagine, ask=bot.mention("ask", texts))
    return layout(
        ui.TextDisplay(f"{intro}\n-# {texts.demo_note}" if is_demo(model) else intro),
        ui.TextDisplay(texts.help_draw),
        *(_example("draw_example", name, prompt, texts) for name, prompt in examples.drawings.items()),
        ui.TextDisplay(texts.help_ask),
        *(_example("ask_example", name, question, texts) for name, question in examples.questions.items()),
        ui.TextDisplay("\n".join(f"-# {line}" for line in small)),
        colour=BUSY,
    )


def _example(action: str, name: str, words: str, texts: Texts) -> ui.Section[Any]:
    style = discord.ButtonStyle.primary if action == "draw_example" else discord.ButtonStyle.secondary
    button = Control(action, name, label=getattr(texts, action), style=style)
    return ui.Section(one_line(words, PROMPT_TEXT), accessory=button)


async def draw_example(interaction: discord.Interaction[JanusBot], button: Control) -> None:
    """Draw an example for whoever pressed, as /imagine with nothing but the prompt would."""
    prompt = prompt_of(*button.arguments)
    if prompt is None:
        raise Refusal(texts_for(interaction).forgotten)
    await draw_words(interaction, prompt, origin=Origin(interaction.user.id, button.action))


async def ask_example(interaction: discord.Interaction[JanusBot], button: Control) -> None:
    """Open a form with an example question, to be asked about a picture that whoever pressed hands in."""
    question, texts = question_of(*button.arguments), texts_for(interaction)
    if question is None:
        raise Refusal(texts.forgotten)
    own = await interaction.client.store.members.get(interaction.user.id)

    async def put(interaction: discord.Interaction[JanusBot], form: AskForm) -> None:
        target = InteractionTarget(interaction, private=own.private)
        origin = Origin(interaction.user.id, button.action)
        await ask(interaction.client, target, form.pictures.values, form.question.value, origin=origin)

    await admission.foresee(interaction.client, InteractionTarget(interaction, private=False), Wanted.answer())
    await open_form(interaction, partial(AskForm, texts, put, question, hand_in=True))
