"""Everything that members can call and press, in one list each."""

from typing import Any, Final

from discord import app_commands, ui

from bot.commands.ask import ask, ask_about, describe
from bot.commands.help import help
from bot.commands.imagine import imagine
from bot.commands.privacy import privacy
from bot.commands.provenance import what_made_this
from bot.commands.queue import queue
from bot.commands.report import report_picture
from bot.commands.settings import settings
from bot.commands.status import status
from bot.views.asking import AskMore
from bot.views.buttons import Cancel, Delete, Show, TryAgain
from bot.views.drawing_buttons import Again, Edit, Info
from bot.views.help import AskExample, DrawExample
from bot.views.picture_buttons import Choose, Describe, Enlarge, Vary, VaryLittle, VaryMuch
from bot.views.privacy import Forget
from bot.views.queue import Refresh, Withdraw
from bot.views.reporting import Block, Remove, Report
from bot.views.settings import CONTROLS

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
