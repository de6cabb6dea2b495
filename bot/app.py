"""Everything that members can call and press, in one list each."""

from typing import Any, Final

from discord import app_commands, ui

from bot.features.ask.command import ask, ask_about, describe
from bot.features.ask.form import AskMore
from bot.features.help import AskExample, DrawExample
from bot.features.help_command import help
from bot.features.imagine.actions import Choose, Describe, Enlarge, Vary, VaryLittle, VaryMuch
from bot.features.imagine.command import imagine
from bot.features.imagine.drawing_buttons import Again, Edit, Info
from bot.features.privacy import Forget
from bot.features.privacy_command import privacy
from bot.features.provenance import what_made_this
from bot.features.queue import Refresh, Withdraw
from bot.features.queue_command import queue
from bot.features.report_command import report_picture
from bot.features.reports import Block, Remove, Report
from bot.features.settings.command import settings
from bot.features.settings.panel import CONTROLS
from bot.features.status import status
from bot.ui.buttons import Cancel, Delete, Show, TryAgain

COMMANDS: Final[tuple[app_commands.Command[Any, ..., Any] | app_commands.ContextMenu, ...]] = (
    imagine,
    ask,
    ask_about,
    describe,
    what_made_this,
    queue,
    status,
    help,
    settings,
    privacy,
    report_picture,
)

# Buttons and selects that outlive the process: discord.py makes each again from its custom_id.
ITEMS: Final[tuple[type[ui.DynamicItem[Any]], ...]] = (
    *(Cancel, Show, TryAgain, Delete, AskMore),
    *(Again, Edit, Info, Choose, VaryLittle, Vary, VaryMuch, Enlarge, Describe),
    *(Withdraw, Refresh, *CONTROLS, Forget, Report, Remove, Block),
    *(DrawExample, AskExample),
)
