"""What is chosen in the selects of `/settings`: roles, channels and members."""

from functools import partial
from typing import Final

from bot.core.errors import Refusal
from bot.core.permissions import TO_KEEP, check_manages, missing, missing_permissions
from bot.features.settings.forms import RoleForm
from bot.features.settings.panel import Press, change, show_again
from bot.jobs.rights import USES
from bot.texts import texts_for
from bot.ui.buttons import Choice
from bot.ui.forms import open_form

NEEDED: Final = {  # the bot's permissions in the channels that it sends pictures to
    "reports": ("view_channel", "send_messages", "attach_files"),
    "hidden": ("view_channel", "attach_files"),
    "kept": TO_KEEP,
}
MOST_LIMITS: Final = 25  # roles with a limit of their own


async def choose(interaction: Press, choice: Choice) -> None:
    """Keep what was chosen. Raises Refusal."""
    match choice.arguments:
        case ("reports",) | ("pick", "kept" | "hidden"):
            await _channel(interaction, choice.arguments[-1], choice)
        case ("pick", "channels"):
            await change(interaction, "places", channels=choice.chosen or None)
        case ("pick", "roles", "moderate"):
            trusted = [role for role in choice.chosen if role != interaction.guild_id]  # everyone's is nobody's
            await change(interaction, "people", roles={"moderate": trusted or None})
        case ("pick", "roles", use) if use in USES:
            await change(interaction, "people", roles={use: choice.chosen or None})
        case ("pick", "role_hourly"):
            await _limit(interaction, choice)
        case ("blocked",):
            await _block(interaction, choice)
        case _:
            raise Refusal(texts_for(interaction).forgotten)


async def _channel(interaction: Press, name: str, choice: Choice) -> None:
    """Take a channel, if the bot can write there."""
    chosen = next(iter(choice.chosen), None)
    channel = interaction.guild.get_channel(chosen) if chosen and interaction.guild else None
    if channel is None:
        await change(interaction, "places", **{name: None})
        return
    lacking = missing(channel.permissions_for(channel.guild.me), NEEDED[name])
    if lacking:
        check_manages(interaction)
        await show_again(interaction, "places")
        raise Refusal(f"{channel.mention}: {missing_permissions(lacking, texts_for(interaction))}")
    await change(interaction, "places", **{name: channel.id})


async def _limit(interaction: Press, choice: Choice) -> None:
    """Ask for a role's limit."""
    guild, texts = check_manages(interaction), texts_for(interaction)
    own = await interaction.client.store.servers.get(guild)
    (role,) = choice.item.values
    if str(role.id) not in own.role_hourly and len(own.role_hourly) >= MOST_LIMITS:
        raise Refusal(texts.set_role_hourly_many.format(n=MOST_LIMITS))
    name = getattr(role, "name", "")
    limits = interaction.client.settings.limits
    await open_form(
        interaction, partial(RoleForm, texts, role.id, name, own, limits, partial(show_again, page="people"))
    )


async def _block(interaction: Press, choice: Choice) -> None:
    """Block who is chosen, and unblock who no longer is."""
    guild, servers = check_manages(interaction), interaction.client.store.servers
    chosen, before = set(choice.chosen), set(choice.shown)
    for member in chosen - before:
        await servers.block(guild, member, interaction.created_at)
    for member in before - chosen:
        await servers.unblock(guild, member)
    await show_again(interaction, "people")
