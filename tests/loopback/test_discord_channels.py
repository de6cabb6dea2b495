"""The small Discord's channels and threads: who may write, edit and delete, and how often."""

import time

import pytest

from tests.loopback.client import SENT, Client, shown, texts
from tests.loopback.state import ATTACH, FORUM, HISTORY, SEND, SEND_IN_THREADS, THREAD, USUAL, VIEW, Channel
from tests.loopback.test_discord_server import PNG, client, server
from tests.loopback.wire import EPHEMERAL, V2, Payload

__all__ = ["client", "server"]

REPLY = {"message_reference": {"message_id": "1", "fail_if_not_exists": False}}


@pytest.mark.parametrize(
    ("channel", "code"),
    [
        (Channel("7"), 0),
        (Channel("7", permissions=0), 50001),
        (Channel("7", permissions=VIEW), 50013),
        (Channel("7", permissions=USUAL & ~ATTACH), 50013),
        (Channel("7", permissions=USUAL & ~HISTORY), 160002),
        (Channel("7", FORUM), 50008),
        (Channel("7", THREAD, permissions=USUAL & ~SEND), 0),
        (Channel("7", THREAD, permissions=USUAL & ~SEND_IN_THREADS), 50013),
        (Channel("7", THREAD, archived=True), 0),
        (Channel("7", THREAD, archived=True, locked=True), 160005),
        (Channel("7", 1, guild_id=None, closed=True), 50007),
        (Channel("8"), 10003),
    ],
)
async def test_who_may_write_where(client: Client, channel: Channel, code: int) -> None:
    client.server.channels[channel.id] = channel
    reply = await client.call("POST", "/channels/7/messages", shown("a.png", **REPLY), ("a.png", PNG))
    assert (reply.code, channel.archived) == (code, channel.locked)


async def test_a_thread_that_is_archived_changes_nothing(client: Client) -> None:
    thread = client.server.channels["4000"] = Channel("4000", THREAD)
    sent, hook = await client.call("POST", SENT, texts("x")), await client.answered()
    thread.archived = True
    for path in (f"{SENT}/{sent.body['id']}", f"{hook}/messages/@original"):
        for method in ("PATCH", "DELETE"):
            assert (await client.call(method, path, texts("y"))).code == 50083
    thread.locked = True
    reply = await client.call("POST", await client.asked(), {"type": 4, "data": texts("x")})
    assert (reply.status, reply.code) == (403, 50083)


async def test_messages_of_others_and_those_that_are_gone(client: Client) -> None:
    hers = await client.server.say("hello")
    assert (await client.call("PATCH", f"{SENT}/{hers.id}", texts("x"))).code == 50005
    assert (await client.call("DELETE", f"{SENT}/{hers.id}")).code == 50013
    for method in ("GET", "PATCH", "DELETE"):
        assert (await client.call(method, f"{SENT}/1", texts("x"))).code == 10008
    private = await client.answered(4, texts("x") | {"flags": V2 | EPHEMERAL})
    id = client.server.messages[private.rpartition("/")[2]].id
    assert (await client.call("GET", f"{SENT}/{id}")).code == 10008
    gone = {"message_reference": {"message_id": "1"}}
    assert (await client.call("POST", SENT, texts("x") | gone)).problems == {
        "message_reference MESSAGE_REFERENCE_UNKNOWN_MESSAGE"
    }


async def test_a_nonce_sends_once(client: Client) -> None:
    first, second = [
        await client.call("POST", SENT, texts("x") | {"nonce": "7", "enforce_nonce": True}) for _ in range(2)
    ]
    assert (first.body["id"], first.body["nonce"]) == (second.body["id"], "7")
    assert (await client.call("POST", SENT, texts("x") | {"nonce": "7"})).body["id"] != first.body["id"]


async def test_old_messages_are_edited_a_few_times(client: Client) -> None:
    sent = await client.call("POST", SENT, texts("x"))
    client.server.messages[sent.body["id"]].made = time.time() - 3601
    client.server.old_edits = 1
    replies = [await client.call("PATCH", f"{SENT}/{sent.body['id']}", texts("y")) for _ in range(2)]
    assert [(reply.status, reply.code) for reply in replies] == [(200, 0), (429, 30046)]


async def test_threads_and_direct_messages(client: Client) -> None:
    thread = await client.call("POST", "/channels/4000/threads", {"name": "more", "type": THREAD})
    assert (thread.status, thread.body["parent_id"]) == (201, "4000")
    direct = await client.call("POST", "/users/@me/channels", {"recipient_id": "2000"})
    for channel in (thread, direct):
        assert (await client.call("POST", f"/channels/{channel.body['id']}/messages", texts("x"))).status == 200
        listed = await client.call("GET", f"/channels/{channel.body['id']}/messages?limit=5")
        assert [message["channel_id"] for message in listed.body] == [channel.body["id"]]


@pytest.mark.parametrize(
    ("allowed", "called"),
    [(None, ["1", "2"]), ({"parse": []}, []), ({"parse": ["users"]}, ["1", "2"]), ({"users": ["2"]}, ["2"])],
)
async def test_whom_a_message_calls(client: Client, allowed: Payload | None, called: list[str]) -> None:
    reply = await client.call("POST", SENT, texts("<@1> and <@2>") | {"allowed_mentions": allowed})
    assert [user["id"] for user in reply.body["mentions"]] == called


async def test_a_token_is_needed(client: Client) -> None:
    assert (await client.call("POST", SENT, texts("x"), token="wrong")).status == 401


# -- how often -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_five_requests_in_five_seconds_a_channel(client: Client, method: str) -> None:
    sent = await client.call("POST", SENT, texts("x"))
    client.server.limits.enabled = True
    path = f"{SENT}/{sent.body['id']}" if method == "PATCH" else SENT
    replies = [await client.call(method, path, texts("y")) for _ in range(6)]
    assert [int(reply.headers["X-RateLimit-Remaining"]) for reply in replies] == [4, 3, 2, 1, 0, 0]
    assert [reply.status for reply in replies] == [200] * 5 + [429]
    last = replies[-1]
    assert 0 < last.body["retry_after"] <= 0.5  # at a tenth of Discord's pace
    assert (last.body["global"], last.headers["Via"], last.headers["X-RateLimit-Limit"]) == (False, "1.1 google", "5")
    assert 0 < float(last.headers["X-RateLimit-Reset-After"]) <= 0.5
    assert len({reply.headers["X-RateLimit-Bucket"] for reply in replies}) == 1
    elsewhere = await client.call("POST", "/channels/5000/messages", texts("x"))
    assert elsewhere.headers["X-RateLimit-Remaining"] == "4"


async def test_five_edits_in_two_seconds_a_token(client: Client) -> None:
    client.server.limits.enabled = True
    hook, other = await client.answered(), await client.answered()
    replies = [await client.call("PATCH", f"{hook}/messages/@original", texts("y")) for _ in range(6)]
    assert [reply.status for reply in replies] == [400] * 5 + [429]  # what was refused counts, too
    assert (await client.call("PATCH", f"{other}/messages/@original", {"content": "y"})).status == 200


async def test_fifty_requests_a_second_in_all_but_interactions(client: Client) -> None:
    client.server.limits.enabled, client.server.limits.second = True, 60
    replies = [await client.call("GET", "/users/@me") for _ in range(51)]
    assert [reply.status for reply in replies] == [200] * 50 + [429]
    assert (replies[-1].body["global"], replies[-1].headers["X-RateLimit-Global"]) == (True, "true")
    assert (await client.call("POST", await client.asked(), {"type": 5})).status == 200


@pytest.mark.parametrize(("query", "page"), [("", [4, 3]), ("&after={1}", [3, 2]), ("&before={3}", [2, 1])])
async def test_a_page_of_a_channel_holds_what_is_next_to_the_message_that_is_named(
    client: Client, query: str, page: list[int]
) -> None:
    ids = [(await client.server.say(f"{number}")).id for number in range(5)]
    found = await client.call("GET", f"{SENT}?limit=2{query.format(*ids)}")
    assert [ids.index(one["id"]) for one in found.body] == page
