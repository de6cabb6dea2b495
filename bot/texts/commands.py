"""What Discord itself shows of the bot: its commands."""

from dataclasses import dataclass

import discord


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTexts:
    """The names of commands and of their options, and what they say about themselves."""

    locales: tuple[discord.Locale, ...]  # Discord's names for the language

    # names of commands and of their options, as people type them: lower case, no spaces, at most 32 characters
    name_ask: str
    name_defaults: str
    name_help: str
    name_history: str
    name_imagine: str
    name_privacy: str
    name_queue: str
    name_settings: str
    name_status: str
    option_avoid: str
    option_careful: str
    option_count: str
    option_guidance: str
    option_image: str
    option_image_2: str
    option_image_3: str
    option_image_4: str
    option_private: str
    option_prompt: str
    option_question: str
    option_seed: str
    option_spoiler: str
    option_temperature: str
    option_word_choice: str

    # /imagine: at most 100 characters each, which is Discord's limit for descriptions
    imagine: str
    imagine_prompt: str
    imagine_avoid: str
    imagine_seed: str
    imagine_guidance: str
    imagine_temperature: str
    imagine_count: str
    imagine_careful: str
    imagine_spoiler: str
    imagine_private: str

    # /ask: likewise
    ask: str
    ask_image: str
    ask_question: str
    ask_image_2: str
    ask_image_3: str
    ask_image_4: str
    ask_seed: str
    ask_temperature: str
    ask_word_choice: str
    ask_private: str

    # the other commands: likewise
    help: str
    history: str
    defaults: str
    privacy: str
    queue: str
    settings: str
    status: str

    # the menus of a message: at most 32 characters each
    menu_ask: str
    menu_describe: str
    menu_provenance: str
    menu_report: str
