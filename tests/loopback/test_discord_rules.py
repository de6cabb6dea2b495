"""What the small Discord refuses of messages, forms and commands: one case a limit, and what just keeps it."""

from typing import Any

import pytest

from tests.loopback.client import SENT, Client, texts
from tests.loopback.test_discord_server import client, server
from tests.loopback.wire import EPHEMERAL, V2, Payload

__all__ = ["client", "server"]

PICTURE = {"media": {"url": "https://elsewhere.test/a.png"}}


def button(**more: Any) -> Payload:
    return {"type": 2, "style": 1, "custom_id": "x", "label": "x", **more}


def row(*parts: Payload) -> Payload:
    return {"type": 1, "components": list(parts)}


def gallery(*items: Payload) -> Payload:
    return {"type": 12, "items": list(items)}


def select(**more: Any) -> Payload:
    return {"type": 3, "custom_id": "x", "options": [{"label": "a", "value": "a"}], **more}


def section(words: int = 1, **accessory: Any) -> Payload:
    return {"type": 9, "components": [TEXT] * words, "accessory": {"type": 11, **PICTURE, **accessory}}


def laid_out(*parts: Payload) -> Payload:
    return {"flags": V2, "components": list(parts)}


TEXT = {"type": 10, "content": "x"}


@pytest.mark.parametrize(
    "body",
    [
        {"content": "x" * 2000},
        texts("x" * 2000, "y" * 2000),
        texts("画" * 3386),
        laid_out(*[TEXT] * 40),
        laid_out(row(*(button(custom_id=f"{n}" * 100) for n in range(5)))),
        laid_out(row(button(label="x" * 80)), row(select(custom_id="y"))),
        laid_out(gallery(*[PICTURE] * 10), section(3, description="x" * 1024)),
        {"content": "x", "components": [row(button())]},
    ],
)
async def test_what_keeps_the_limits(client: Client, body: Payload) -> None:
    reply = await client.call("POST", SENT, body)
    assert reply.status == 200, reply


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"content": "x" * 2001}, "content BASE_TYPE_MAX_LENGTH"),
        (texts("x") | {"content": "y"}, "content MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"),
        ({"content": "x", "flags": EPHEMERAL}, "flags MESSAGE_FLAGS_INVALID"),
        ({"content": "x", "nonce": "1" * 26}, "nonce BASE_TYPE_MAX_LENGTH"),
        ({"components": [TEXT]}, "components.0.type UNION_TYPE_CHOICES"),
        (texts("x" * 2000, "y" * 2001), "components COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"),
        (texts(" "), "components.0.content BASE_TYPE_BAD_LENGTH"),
        (laid_out(*[TEXT] * 41), "components COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"),
        (laid_out(row()), "components.0.components BASE_TYPE_BAD_LENGTH"),
        (laid_out(row(TEXT)), "components.0.components.0.type UNION_TYPE_CHOICES"),
        (
            laid_out(row(button(), select(custom_id="y"))),
            "components.0.components COMPONENT_LAYOUT_WIDTH_EXCEEDED",
        ),
        (laid_out(row(*(button(custom_id=str(n)) for n in range(6)))), "components.0.components BASE_TYPE_BAD_LENGTH"),
        (laid_out(row(button(), button())), "components.0.components.1.custom_id COMPONENT_CUSTOM_ID_DUPLICATED"),
        (laid_out(row(button(custom_id="x" * 101))), "components.0.components.0.custom_id BASE_TYPE_BAD_LENGTH"),
        (laid_out(row(button(label="x" * 81))), "components.0.components.0.label BASE_TYPE_BAD_LENGTH"),
        (laid_out(row(button(label=None))), "components.0.components.0.label BASE_TYPE_REQUIRED"),
        (laid_out(row(button(style=5))), "components.0.components.0.url BASE_TYPE_REQUIRED"),
        (laid_out(row(select(options=[]))), "components.0.components.0.options BASE_TYPE_BAD_LENGTH"),
        (laid_out(row(select(max_values=26))), "components.0.components.0.min_values NUMBER_TYPE_MIN"),
        (laid_out(row(select(placeholder="x" * 151))), "components.0.components.0.placeholder BASE_TYPE_MAX_LENGTH"),
        (laid_out(gallery()), "components.0.items BASE_TYPE_BAD_LENGTH"),
        (laid_out(gallery(*[PICTURE] * 11)), "components.0.items BASE_TYPE_BAD_LENGTH"),
        (laid_out(gallery(PICTURE | {"description": ""})), "components.0.items.0.description BASE_TYPE_BAD_LENGTH"),
        (laid_out(section(description="x" * 1025)), "components.0.accessory.description BASE_TYPE_BAD_LENGTH"),
        (laid_out(section(4)), "components.0.components BASE_TYPE_BAD_LENGTH"),
        (laid_out(section(0)), "components.0.components BASE_TYPE_BAD_LENGTH"),
        (laid_out({"type": 9, "components": [TEXT]}), "components.0.accessory UNION_TYPE_CHOICES"),
        (laid_out(gallery({"media": {"url": "file:///a"}})), "components.0.items.0.media.url URL_TYPE_INVALID_SCHEME"),
        (laid_out({"type": 17, "components": [{"type": 17}]}), "components.0.components.0.type UNION_TYPE_CHOICES"),
        (texts("x") | {"attachments": [{"id": 3}]}, "attachments.0.id ATTACHMENT_NOT_FOUND"),
        (
            texts("x") | {"allowed_mentions": {"parse": ["users"], "users": ["1"]}},
            "allowed_mentions MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
        ),
    ],
)
async def test_messages_that_are_refused(client: Client, body: Payload, problem: str) -> None:
    reply = await client.call("POST", SENT, body)
    assert (reply.status, reply.code) == (400, 50035)
    assert problem in reply.problems


@pytest.mark.parametrize("body", [{}, {"content": " \n"}, {"flags": V2, "components": []}])
async def test_a_message_of_nothing_is_refused(client: Client, body: Payload) -> None:
    assert (await client.call("POST", SENT, body)).code == 50006


async def test_discord_breaks_at_too_many_bytes_of_text(client: Client) -> None:
    assert (await client.call("POST", SENT, texts("画" * 3387))).status == 500


async def test_words_and_components_do_not_stand_beside_each_other_after_an_edit(client: Client) -> None:
    said = await client.call("POST", SENT, {"content": "x"})
    path = f"{SENT}/{said.body['id']}"
    legacy = {"content MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"}
    assert (await client.call("PATCH", path, texts("y"))).problems == legacy
    assert (await client.call("PATCH", path, texts("y") | {"content": None})).status == 200
    assert (await client.call("PATCH", path, {"content": "x"})).problems == legacy
    assert (await client.call("PATCH", path, {"flags": 0, "components": [TEXT]})).body["flags"] == V2


def label(component: Payload, **more: Any) -> Payload:
    return {"type": 18, "label": "x", "component": component, **more}


def field(**more: Any) -> Payload:
    return {"type": 4, "custom_id": "y", "style": 1, **more}


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({}, ""),
        ({"components": [label({"type": 19, "custom_id": "f", "max_values": 10})]}, ""),
        ({"title": "x" * 46}, "title BASE_TYPE_BAD_LENGTH"),
        ({"custom_id": "x" * 101}, "custom_id BASE_TYPE_BAD_LENGTH"),
        ({"components": []}, "components BASE_TYPE_BAD_LENGTH"),
        ({"components": [label(field(custom_id=str(n))) for n in range(6)]}, "components BASE_TYPE_BAD_LENGTH"),
        ({"components": [button()]}, "components.0.type UNION_TYPE_CHOICES"),
        ({"components": [label(field(), label="x" * 46)]}, "components.0.label BASE_TYPE_BAD_LENGTH"),
        ({"components": [label(field(), description="x" * 101)]}, "components.0.description BASE_TYPE_MAX_LENGTH"),
        ({"components": [label(button())]}, "components.0.component.type UNION_TYPE_CHOICES"),
        ({"components": [label(field(max_length=4001))]}, "components.0.component.min_length NUMBER_TYPE_MIN"),
        (
            {"components": [label(field(max_length=5, value="x" * 6))]},
            "components.0.component.value BASE_TYPE_MAX_LENGTH",
        ),
        (
            {"components": [label(field(placeholder="x" * 101))]},
            "components.0.component.placeholder BASE_TYPE_MAX_LENGTH",
        ),
        (
            {"components": [label({"type": 19, "custom_id": "f", "max_values": 11})]},
            "components.0.component.min_values NUMBER_TYPE_MIN",
        ),
        (
            {"components": [label(field()), label(field())]},
            "components.1.component.custom_id COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
    ],
)
async def test_forms(client: Client, form: Payload, problem: str) -> None:
    data = {"title": "x", "custom_id": "x", "components": [label(field())], **form}
    reply = await client.call("POST", await client.asked(), {"type": 9, "data": data})
    if problem:
        assert f"data.{problem}" in reply.problems
    else:
        assert reply.status == 200, reply


def command(**more: Any) -> Payload:
    return {"name": "draw", "description": "Draws.", "type": 1, **more}


def option(**more: Any) -> Payload:
    return {"name": "prompt", "description": "What.", "type": 3, **more}


def choices(count: int) -> list[Payload]:
    return [{"name": f"{n:060}", "value": f"{n:060}"} for n in range(count)]


@pytest.mark.parametrize(
    ("commands", "problem"),
    [
        ([command(), command(type=3, name="Draw this", description="")], ""),
        ([command(name="malen-ä", name_localizations={"ja": "描く"}, contexts=[0], integration_types=[0, 1])], ""),
        ([command(options=[option(required=True), option(name="seed", type=4, min_value=0, max_value=2**32)])], ""),
        ([command(name="Draw")], "0.name APPLICATION_COMMAND_INVALID_NAME"),
        ([command(name="draw this")], "0.name APPLICATION_COMMAND_INVALID_NAME"),
        ([command(name="x" * 33)], "0.name BASE_TYPE_BAD_LENGTH"),
        ([command(name_localizations={"de": "x" * 33})], "0.name_localizations.de BASE_TYPE_BAD_LENGTH"),
        ([command(name_localizations={"de-DE": "x"})], "0.name_localizations.de-DE ENUM_TYPE_COERCE"),
        ([command(description="x" * 101)], "0.description BASE_TYPE_BAD_LENGTH"),
        ([command(description="")], "0.description BASE_TYPE_BAD_LENGTH"),
        ([command(type=3)], "0.description APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION"),
        ([command(), command()], "1.name APPLICATION_COMMANDS_DUPLICATE_NAME"),
        ([command(name=f"c{n}") for n in range(101)], " APPLICATION_COMMAND_TOO_MANY"),
        ([command(default_member_permissions="x")], "0.default_member_permissions NUMBER_TYPE_COERCE"),
        ([command(options=[option(name=f"o{n}") for n in range(26)])], "0.options BASE_TYPE_BAD_LENGTH"),
        ([command(options=[option(), option()])], "0.options.1.name APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS"),
        (
            [command(options=[option(), option(name="must", required=True)])],
            "0.options.1 APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        ([command(options=[option(max_length=6001)])], "0.options.0.min_length NUMBER_TYPE_MIN"),
        ([command(options=[option(min_value=1)])], "0.options.0.min_value APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"),
        (
            [command(options=[option(choices=choices(26))])],
            "0.options.0.choices BASE_TYPE_BAD_LENGTH",
        ),
        (
            [command(options=[option(name=f"o{n}", choices=choices(9)) for n in range(9)])],
            "0 APPLICATION_COMMAND_TOO_LARGE",
        ),
    ],
)
async def test_commands(client: Client, commands: list[Payload], problem: str) -> None:
    reply = await client.call("PUT", "/applications/1000/commands", commands)
    if problem:
        assert problem.strip() in {found.strip() for found in reply.problems}
    else:
        assert reply.status == 200, reply


@pytest.mark.parametrize("key", ["contexts", "integration_types"])
async def test_a_servers_commands_have_no_places(client: Client, key: str) -> None:
    path = "/applications/1000/guilds/3000/commands"
    reply = await client.call("PUT", path, [command(**{key: [0]})])
    assert reply.problems == {f"0.{key} APPLICATION_COMMAND_GUILD_ONLY"}
    assert (await client.call("PUT", path, [command()])).status == 200
    assert (await client.call("GET", "/applications/1000/commands")).body == []
    assert (await client.call("PUT", path.replace("3000", "3001"), [])).code == 50001


async def test_members_bring_an_application_along_only_if_it_lets_them(client: Client) -> None:
    client.server.user_install_enabled = False
    reply = await client.call("PUT", "/applications/1000/commands", [command(integration_types=[0, 1])])
    assert reply.problems == {"0.integration_types APPLICATION_COMMAND_INTEGRATION_TYPE_NOT_SUPPORTED"}
