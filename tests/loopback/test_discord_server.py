"""The small Discord by itself: each way in which it is as strict as Discord."""

import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from tests.bot.samples import png
from tests.loopback.client import SENT, Client, Reply, shown, speaking_to, texts
from tests.loopback.discord_server import Discord, serve
from tests.loopback.interactions import COMPONENT, FORM_SENT
from tests.loopback.wire import EPHEMERAL, LOADING, V2, Payload

PNG = png((50, 40))
MISSING = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"


@pytest.fixture
async def server() -> AsyncIterator[Discord]:
    async with serve() as server:
        server.limits.enabled = False
        yield server


@pytest.fixture
async def client(server: Discord) -> AsyncIterator[Client]:
    async with speaking_to(server) as client:
        yield client


def items(reply: Reply) -> list[Payload]:
    return [item["media"] for item in reply.body["components"][0]["items"]]


# -- files ------------------------------------------------------------------------------------------------------------


async def test_attachments_are_those_that_no_component_shows(client: Client) -> None:
    reply = await client.call("POST", SENT, shown("a.png"), ("a.png", PNG), ("SPOILER_b.png", PNG), ("c.txt", b"words"))
    assert [file["filename"] for file in reply.body["attachments"]] == ["SPOILER_b.png", "c.txt"]
    assert [file["flags"] for file in reply.body["attachments"]] == [8, 0]
    plain = await client.call("POST", SENT, {}, ("a.png", PNG))
    assert [file["filename"] for file in plain.body["attachments"]] == ["a.png"]


async def test_a_shown_file_has_two_addresses(client: Client) -> None:
    (item,) = items(await client.call("POST", SENT, shown("a.png"), ("a.png", PNG)))
    assert item["url"].startswith(f"{client.server.base}/cdn/attachments/4000/{item['attachment_id']}/a.png?ex=")
    assert item["proxy_url"].startswith(client.server.files.proxy_base)
    assert (item["content_type"], item["width"], item["height"], item["loading_state"]) == ("image/png", 50, 40, 2)
    assert await client.fetch(item["url"]) == (200, PNG)
    status, copy = await client.fetch(item["proxy_url"])
    assert (status, Image.open(io.BytesIO(copy)).format) == (200, "WEBP")


async def test_addresses_end(client: Client) -> None:
    (item,) = items(await client.call("POST", SENT, shown("a.png"), ("a.png", PNG)))
    assert (await client.fetch(item["url"].partition("?")[0]))[0] == 404
    client.server.files.link_seconds = -1
    (late,) = items(await client.call("POST", SENT, shown("a.png"), ("a.png", PNG)))
    assert (await client.fetch(late["url"]))[0] == 404


async def test_what_stands_elsewhere_is_nobodys_attachment(client: Client) -> None:
    client.server.files.web["https://elsewhere.test/a.png"] = PNG
    gallery = [{"media": {"url": f"https://elsewhere.test/{name}.png"}} for name in "ab"]
    reply = await client.call("POST", SENT, {"flags": V2, "components": [{"type": 12, "items": gallery}]})
    found, lost = items(reply)
    assert (found["width"], found["loading_state"], lost["loading_state"]) == (50, 2, 3)
    assert "attachment_id" not in found
    assert (await client.fetch(found["proxy_url"]))[0] == 200


@pytest.mark.parametrize(
    ("name", "stored"), [("a b.png", "a_b.png"), ("größe.png", "groe.png"), (".x.png", "x.png"), ("画", "unknown")]
)
async def test_names_of_files_are_made_plain(client: Client, name: str, stored: str) -> None:
    reply = await client.call("POST", SENT, {}, (name, PNG))
    assert reply.body["attachments"][0]["filename"] == stored
    assert (await client.call("POST", SENT, shown(name), (name, PNG))).problems == {
        f"components.0.items.0.media {MISSING}"
    }


async def test_an_edit_keeps_the_files_that_it_lists(client: Client) -> None:
    sent = await client.call("POST", SENT, shown("a.png", "b.png"), ("a.png", PNG), ("b.png", PNG))
    path, (a, b) = f"{SENT}/{sent.body['id']}", [{"id": item["attachment_id"]} for item in items(sent)]
    message = client.server.messages[sent.body["id"]]
    kept = await client.call("PATCH", path, {"components": shown("a.png")["components"], "attachments": [a, b]})
    assert [file["filename"] for file in kept.body["attachments"]] == ["b.png"]
    await client.call("PATCH", path, texts("hello"))
    assert set(message.files) == {"a.png", "b.png"}
    added = await client.call("PATCH", path, shown("a.png", "c.png", attachments=[a, {"id": 0}]), ("c.png", PNG))
    assert (len(items(added)), set(message.files)) == (2, {"a.png", "c.png"})
    assert (await client.fetch(items(sent)[1]["url"]))[0] == 404
    await client.call("PATCH", path, texts("hello") | {"attachments": []})
    assert message.files == {}


@pytest.mark.parametrize("attachments", [{}, {"attachments": []}, {"attachments": [{"id": 0}]}])
async def test_an_edit_shows_by_name_only_what_it_lists(client: Client, attachments: Payload) -> None:
    sent = await client.call("POST", SENT, shown("a.png"), ("a.png", PNG))
    reply = await client.call("PATCH", f"{SENT}/{sent.body['id']}", shown("a.png", **attachments))
    assert (reply.status, reply.code) == (400, 50035)
    assert f"components.0.items.0.media {MISSING}" in reply.problems


async def test_an_edit_may_show_by_the_address_that_the_response_gave(client: Client) -> None:
    sent = await client.call("POST", SENT, shown("a.png"), ("a.png", PNG))
    gallery = [{"type": 12, "items": [{"media": {"url": items(sent)[0]["url"]}}]}]
    reply = await client.call("PATCH", f"{SENT}/{sent.body['id']}", {"components": gallery})
    assert "attachment_id" not in items(reply)[0]
    assert [file["filename"] for file in reply.body["attachments"]] == ["a.png"]


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        ({"a.bin": 10 * 2**20}, 200, 0),
        ({"a.bin": 10 * 2**20 + 1}, 413, 40005),
        ({f"{n}.bin": 9 * 2**20 for n in range(3)}, 413, 40005),
        ({f"{n}.bin": 1 for n in range(10)}, 200, 0),
        ({f"{n}.bin": 1 for n in range(11)}, 400, 50035),
        ({"a.bin": 0}, 400, 50046),
    ],
)
async def test_how_many_files_and_how_large(client: Client, files: dict[str, int], status: int, code: int) -> None:
    sent = [(name, bytes(size)) for name, size in files.items()]
    reply = await client.call("POST", SENT, {"content": "x"}, *sent)
    assert (reply.status, reply.code) == (status, code)


# -- interactions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [4, 5, 6, 7])
async def test_what_a_callback_gives_back(client: Client, kind: int) -> None:
    sent = await client.call("POST", SENT, texts("before"))
    path = await client.asked(COMPONENT, client.server.messages[sent.body["id"]])
    reply = await client.call("POST", path, {"type": kind, "data": {"flags": EPHEMERAL} if kind == 5 else texts("x")})
    told, resource = reply.body["interaction"], reply.body.get("resource")
    assert (told["response_message_id"] == sent.body["id"]) is (kind in (6, 7))
    assert (told["response_message_loading"], told["response_message_ephemeral"]) == (kind == 5, kind == 5)
    assert (resource and resource["message"]["components"][0]["content"]) == ("x" if kind in (4, 7) else None)
    assert resource is None or resource["type"] == kind


async def test_a_callback_gives_nothing_back_unless_it_is_asked_to(client: Client) -> None:
    reply = await client.call("POST", (await client.asked()).partition("?")[0], {"type": 4, "data": texts("x")})
    assert (reply.status, reply.body) == (204, None)


@pytest.mark.parametrize(
    ("asked", "answers"), [(2, {4, 5, 9}), (COMPONENT, {4, 5, 6, 7, 9}), (4, {8}), (FORM_SENT, {4, 5})]
)
async def test_each_interaction_has_its_answers(client: Client, asked: int, answers: set[int]) -> None:
    field = {"type": 18, "label": "x", "component": {"type": 4, "custom_id": "y", "style": 1}}
    form = {"title": "x", "custom_id": "x", "components": [field], "choices": []}
    sent = await client.call("POST", SENT, texts("before"))
    on = client.server.messages[sent.body["id"]] if asked == COMPONENT else None
    replies = {
        kind: await client.call(
            "POST", await client.asked(asked, on), {"type": kind, "data": form if kind > 7 else texts("x")}
        )
        for kind in range(4, 10)
    }
    assert {kind for kind, reply in replies.items() if reply.status == 200} == answers
    assert {reply.code for reply in replies.values()} == {0, 50035}


async def test_an_interaction_is_answered_once_and_in_time(client: Client) -> None:
    path = await client.asked()
    assert (await client.call("POST", path.replace("token", "wrong"), {"type": 5})).code == 10062
    assert (await client.call("POST", path, {"type": 4, "data": {"content": "x" * 2001}})).problems == {
        "data.content BASE_TYPE_MAX_LENGTH"
    }
    assert (await client.call("POST", path, {"type": 5})).status == 200
    assert (await client.call("POST", path, {"type": 5})).code == 40060
    late = await client.asked()
    client.server.interactions[late.split("/")[3]].born -= 3.1
    reply = await client.call("POST", late, {"type": 5})
    assert (reply.status, reply.code) == (404, 10062)


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/messages/@original"), ("POST", ""), ("DELETE", "/messages/1")]
)
async def test_a_token_that_cannot_be_used(client: Client, method: str, path: str) -> None:
    early = (await client.asked()).split("/")[3]
    for token in ("nobody", early):
        assert (await client.call(method, f"/webhooks/1000/{token}{path}", texts("x"))).code == 10015
    hook = await client.answered()
    client.server.interactions[hook.rpartition("/")[2]].born -= 15 * 60
    reply = await client.call(method, hook + path, texts("x"))
    assert (reply.status, reply.code) == (401, 50027)


async def test_a_deleted_response_is_unknown(client: Client) -> None:
    hook = await client.answered()
    assert (await client.call("DELETE", f"{hook}/messages/@original")).status == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert (await client.call(method, f"{hook}/messages/@original", texts("x"))).code == 10008


async def test_the_first_follow_up_after_a_deferred_answer_edits_it_and_changes_no_privacy(client: Client) -> None:
    hook = await client.answered(5)
    original = client.server.messages[hook.rpartition("/")[2]]
    assert original.flags == LOADING
    reply = await client.call("POST", hook, texts("x") | {"flags": V2 | EPHEMERAL})
    assert (reply.body["id"], reply.body["flags"]) == (original.id, V2)
    second = await client.call("POST", hook, texts("y") | {"flags": V2 | EPHEMERAL})
    assert (second.body["id"] != original.id, second.body["flags"]) == (True, V2 | EPHEMERAL)


async def test_a_members_own_app_sends_five_follow_ups(client: Client) -> None:
    client.server.user_installed = True
    hook = await client.answered()
    assert [(await client.call("POST", hook, texts("x"))).code for _ in range(6)] == [0, 0, 0, 0, 0, 40094]
    assert (await client.call("POST", "/channels/4900/messages", texts("x"))).code == 50001


async def test_an_update_drops_the_files_that_it_does_not_list(client: Client) -> None:
    sent = await client.call("POST", SENT, shown("a.png"), ("a.png", PNG))
    message = client.server.messages[sent.body["id"]]
    listed = [{"id": items(sent)[0]["attachment_id"]}]
    keeps = {"type": 7, "data": shown("a.png", attachments=listed)}
    assert (await client.call("POST", await client.asked(COMPONENT, message), keeps)).status == 200
    assert message.files
    await client.call("POST", await client.asked(COMPONENT, message), {"type": 7, "data": texts("x")})
    assert message.files == {}
