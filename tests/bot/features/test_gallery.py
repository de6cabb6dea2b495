"""The buttons under a gallery, pressed right away, after a restart and days later."""

import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image
from simcord import InteractionResult, ResponseMessage

from model.requests import Drawing, Enlarge, Failed, Pictures, Question
from model.square import fit
from tests.bot.conftest import World, restart
from tests.bot.scripted import answer, pictures
from tests.bot.seen import buttons, fields, files, gallery, parts, shown, text, told_privately

WHOLE = ["Again", "Edit", "Info", "Delete"]
ONE = ["Vary a little", "Vary", "Vary a lot", "Remix", "Enlarge", "Describe", "Ask", "Send to me"]


async def drawn(world: World, **options: object) -> ResponseMessage:
    """A finished drawing of Alice's, by default of three pictures from seed 7."""
    chosen = {"prompt": "a red circle", "seed": 7, "count": 3, **options}
    message = shown(await world.alice.slash(world.channel, "imagine", **chosen))
    await finish(world)
    return message


async def finish(world: World, tokens: int = 144) -> None:
    """Let the newest drawing come out, each picture with tokens of its own."""
    job = world.executor.jobs[-1]
    assert isinstance(job.request, Drawing)
    plain = pictures(job.request)
    told = tuple(tuple(range(100 * i, 100 * i + tokens)) for i in range(len(plain.pictures)))
    job.tell(replace(plain, tokens=told))
    await world.env.settle()


def filled(form: InteractionResult) -> dict[str, str]:
    """What stands in the fields of a form that has opened."""
    return {field["custom_id"]: field.get("value", "") for field in fields(form)}


def newest(world: World) -> Drawing:
    request = world.executor.jobs[-1].request
    assert isinstance(request, Drawing)
    return request


async def test_a_gallery_has_buttons_for_all_and_for_each(world: World) -> None:
    assert buttons(await drawn(world)) == ["1", "2", "3", "Enlarge 1", "Enlarge 2", "Enlarge 3", *WHOLE]
    assert buttons(await drawn(world, count=1)) == [*ONE, *WHOLE]


async def test_again_draws_the_same_words_with_a_new_seed_for_who_pressed(world: World) -> None:
    message = await drawn(world, guidance=3.0, temperature=0.5, spoiler=True)
    before = newest(world)
    result = shown(await world.bob.click(message, label="Again"))
    again = newest(world)
    assert (again.prompt, again.guidance, again.temperature, again.count) == ("a red circle", 3.0, 0.5, 3)
    assert again.seed != before.seed
    assert again.owner == str(world.bob.id)
    await finish(world)
    assert not result.ephemeral
    assert result.id != message.id
    assert [item["spoiler"] for item in gallery(result)] == [True] * 3


async def test_again_at_temperature_0_says_that_it_would_be_the_same(world: World) -> None:
    message = await drawn(world, temperature=0.0)
    assert "always give the same picture" in told_privately(await world.alice.click(message, label="Again"))
    assert len(world.executor.jobs) == 1


async def test_edit_opens_a_form_filled_with_everything(world: World) -> None:
    message = await drawn(world, guidance=2.5, avoid="a star")
    form = await world.bob.click(message, label="Edit")
    assert [field["value"] for field in fields(form)] == ["a red circle", "a star", "7", "2.5 / 1", "3"]
    names = [field["custom_id"] for field in fields(form)]
    written = ["a blue square", "  a cross ", "4294967295", "10 / 0,5", "2"]
    await world.bob.submit_modal(form, dict(zip(names, written, strict=True)))
    drawing = newest(world)
    assert (drawing.prompt, drawing.seed, drawing.count) == ("a blue square", 2**32 - 1, 2)
    assert drawing.avoid == "a cross"
    assert (drawing.guidance, drawing.temperature) == (10.0, 0.5)
    assert drawing.owner == str(world.bob.id)


async def test_what_a_form_can_not_take_is_said_privately(world: World) -> None:
    message = await drawn(world)
    for number, written, says in [
        (0, "   ", "The prompt is empty"),
        (1, "x" * 2001, "That's 2001 characters. The limit is 2000"),
        (2, "seven", "Write a whole number from 0 to 4294967295"),
        (3, "11 / 1", "Guidance: 11 isn't possible. Write a number from 1 to 10"),
        (3, "5 / nan", "Temperature: nan isn't possible. Write a number from 0 to 2"),
        (3, "5", "Temperature: … isn't possible. Write a number from 0 to 2"),
        (3, "5 / 1 / 2", "Temperature: 1 / 2 isn't possible. Write a number from 0 to 2"),
        (4, "2.5", "Pictures: 2.5 isn't possible. Write a whole number from 1 to 5"),
    ]:
        form = await world.alice.click(message, label="Edit")
        values = filled(form)
        values[list(values)[number]] = written
        refused = await world.alice.submit_modal(form, values)
        assert says in told_privately(refused)
        again = await world.alice.click(shown(refused), label="Edit")
        assert [field.get("value", "").strip() for field in fields(again)] == [
            value.strip() for value in values.values()
        ]
    assert len(world.executor.jobs) == 1
    values = filled(again)
    await world.alice.submit_modal(again, {**values, list(values)[-1]: "2"})  # mended
    assert newest(world).count == 2


async def test_every_mistake_in_a_form_is_said_at_once(world: World) -> None:
    message = await drawn(world)
    form = await world.alice.click(message, label="Edit")
    written = ["a red circle", "", "-1", "99／1", "lots"]
    names = [field["custom_id"] for field in fields(form)]
    said = told_privately(await world.alice.submit_modal(form, dict(zip(names, written, strict=True))))
    assert [line.split(" isn't")[0] for line in said.splitlines()[:3]] == ["Seed: -1", "Guidance: 99", "Pictures: lots"]


async def test_an_older_refusal_and_another_member_open_nobody_s_form(world: World) -> None:
    message = await drawn(world)
    refusals = []
    for written in ("eleven", "twelve"):
        form = await world.alice.click(message, label="Edit")
        values = filled(form)
        refusals.append(shown(await world.alice.submit_modal(form, {**values, list(values)[2]: written})))
    assert "no longer have a record" in told_privately(await world.alice.click(refusals[0], label="Edit"))
    assert fields(await world.alice.click(refusals[1], label="Edit"))[2]["value"] == "twelve"


async def test_no_form_opens_for_what_is_refused_in_any_case(world: World) -> None:
    message = await drawn(world, count=1)
    world.bot.paused = True
    for label in ("Edit", "Ask"):
        assert "I'm paused" in told_privately(await world.bob.click(message, label=label))


async def test_a_message_that_a_button_made_says_whose_it_is_and_from_what(world: World) -> None:
    message = await drawn(world)
    seen = shown(await world.bob.click(message, label="2"))
    link = f"https://discord.com/channels/{world.alice.guild.id}/{world.channel.id}/{message.id}"
    for label, says in [
        ("Again", "drawn again"),
        ("Vary a little", "varied a little from picture 2"),
        ("Describe", "about picture 2"),
        ("Enlarge 2", "picture 2, enlarged"),
    ]:
        made = shown(await world.bob.click(message if label in buttons(message) else seen, label=label))
        line = f"for <@{world.bob.id}> · [{says}]({link})"
        assert line in text(made)
        await world.bob.click(made, label="Cancel")
        assert line in text(made)
    assert "for <@" not in text(message)  # of a command, Discord says it
    sent = [(request.json or {}) for request in world.env.http_requests]
    allowed = [body.get("data", body).get("allowed_mentions") for body in sent if "for <@" in str(body)]
    assert allowed
    assert all(one == {"parse": []} for one in allowed), "somebody would be called"


async def test_report_is_offered_where_a_channel_takes_reports(world: World) -> None:
    await world.bot.store.servers.change(world.alice.guild.id, {"reports": world.channel.id})
    assert "Report" in buttons(await drawn(world))
    assert "Report" not in buttons(await drawn(world, private=True))


async def test_what_comes_of_a_private_drawing_is_private(world: World) -> None:
    message = await drawn(world, private=True, count=1)
    assert message.ephemeral
    for label in ("Again", "Vary", "Enlarge", "Describe"):
        assert shown(await world.alice.click(message, label=label)).ephemeral
        world.executor.jobs[-1].cancel()
        await world.env.settle()


async def test_an_empty_seed_is_a_new_one(world: World) -> None:
    form = await world.alice.click(await drawn(world), label="Edit")
    values = filled(form)
    values[list(values)[2]] = ""
    await world.alice.submit_modal(form, values)
    assert len(world.executor.jobs) == 2
    assert newest(world).seed != 7


async def test_a_number_shows_its_picture_alone_to_who_pressed(world: World) -> None:
    message = await drawn(world)
    seen = await world.bob.click(message, label="2")
    assert "Picture 2 · seed 8" in told_privately(seen)
    assert buttons(shown(seen)) == ONE
    (file,), whole = files(shown(seen)), files(message)
    assert await file.read() == await whole[1].read()


@pytest.mark.parametrize("tokens", [144, 576])
async def test_a_variation_keeps_the_top_of_one_picture(world: World, tokens: int) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=3))
    await finish(world, tokens)
    alone = shown(await world.bob.click(message, label="3"))
    for label, share in [("Vary a little", 2), ("Vary", 4), ("Vary a lot", 32)]:
        varied = shown(await world.bob.click(alone, label=label))
        drawing = newest(world)
        assert drawing.kept == tuple(range(200, 200 + tokens // share))
        assert drawing.seed != 9
        assert (drawing.prompt, drawing.count, drawing.owner) == ("a red circle", 3, str(world.bob.id))
        await finish(world, tokens)
        assert not varied.ephemeral
        assert f"the top {round(100 / share)} % of each" in told_privately(
            await world.alice.click(varied, label="Info")
        )


async def test_remix_keeps_the_top_and_draws_the_rest_by_other_words(world: World) -> None:
    message = await drawn(world, avoid="a star", spoiler=True)
    alone = shown(await world.bob.click(message, label="3"))
    form = await world.bob.click(alone, label="Remix")
    prompt, avoid, strength = fields(form)
    assert (prompt["value"], avoid["value"]) == ("a red circle", "a star")
    assert [option["value"] for option in strength["options"] if option["default"]] == ["vary"]
    for chosen, share in [("vary_little", 2), ("vary", 4), ("vary_much", 32)]:
        written = {prompt["custom_id"]: "a blue square", avoid["custom_id"]: "", strength["custom_id"]: chosen}
        form = await world.bob.click(alone, label="Remix")
        names = [field["custom_id"] for field in fields(form)]
        remixed = shown(await world.bob.submit_modal(form, dict(zip(names, written.values(), strict=True))))
        wish = newest(world)
        assert (wish.prompt, wish.avoid, wish.count, wish.owner) == ("a blue square", "", 3, str(world.bob.id))
        assert wish.kept == tuple(range(200, 200 + 144 // share))
        assert "[remixed from picture 3](" in text(remixed)
        await finish(world)
        assert all(item["spoiler"] for item in gallery(remixed))


async def test_what_remix_can_not_take_is_said_and_can_be_mended(world: World) -> None:
    await world.bot.store.servers.change(world.alice.guild.id, {"refused": ["blood"]})
    message = await drawn(world, count=1)
    for number, written, says in [(0, "blood", "doesn't allow"), (1, "x" * 2001, "2001 characters"), (0, " ", "empty")]:
        form = await world.bob.click(message, label="Remix")
        values = {**filled(form), fields(form)[2]["custom_id"]: "vary_much"}
        refused = await world.bob.submit_modal(form, {**values, list(values)[number]: written})
        assert says in told_privately(refused)
        again = await world.bob.click(shown(refused), label="Edit")
        strength = fields(again)[2]
        assert [option["value"] for option in strength["options"] if option["default"]] == ["vary_much"]
    assert len(world.executor.jobs) == 1
    values = {**filled(again), strength["custom_id"]: "vary"}
    await world.bob.submit_modal(again, {**values, next(iter(values)): "a star"})
    assert newest(world).prompt == "a star"


async def test_a_picture_that_can_not_be_varied_is_not_remixed(world: World) -> None:
    message = await drawn(world, count=1)
    world.bot.paused = True
    assert "I'm paused" in told_privately(await world.alice.click(message, label="Remix"))
    world.bot.paused = False
    form = await world.alice.click(message, label="Remix")
    world.executor.becomes(model="7b")
    assert "A different model drew this" in told_privately(await world.alice.click(message, label="Remix"))
    values = {**filled(form), fields(form)[2]["custom_id"]: "vary"}
    assert "A different model drew this" in told_privately(await world.alice.submit_modal(form, values))
    assert len(world.executor.jobs) == 1


async def test_a_greedy_picture_is_varied_with_a_temperature_or_nothing_would_change(world: World) -> None:
    message = await drawn(world, temperature=0.0)
    await world.alice.click(message, label="Vary")
    assert newest(world).temperature == world.bot.settings.imagine.temperature > 0


async def test_another_model_s_picture_is_not_varied(world: World) -> None:
    message = await drawn(world, count=1)
    world.executor.becomes(model="7b")
    assert "A different model drew this" in told_privately(await world.alice.click(message, label="Vary"))
    assert len(world.executor.jobs) == 1


async def test_another_model_does_not_go_on_from_tokens_that_it_did_not_draw(world: World) -> None:
    message = await drawn(world, count=1)
    variation = shown(await world.alice.click(message, label="Vary"))
    world.executor.jobs[-1].tell(pictures(newest(world)))
    await world.env.settle()
    failed = shown(await world.alice.click(message, label="Vary"))
    world.executor.jobs[-1].tell(Failed("", "memory"))
    await world.env.settle()
    world.executor.becomes(model="7b")
    for on, labels in ((variation, ("Again", "Edit", "Vary")), (failed, ("Try again",))):
        for label in labels:
            assert "A different model drew this" in told_privately(await world.alice.click(on, label=label)), label
    assert buttons(failed) == ["Try again"]
    assert len(world.executor.jobs) == 3
    await world.alice.click(message, label="Again")  # of no tokens, it can be
    assert len(world.executor.jobs) == 4


async def test_enlarging_doubles_a_picture_and_can_be_cancelled(world: World) -> None:
    message = await drawn(world)
    seen = shown(await world.alice.click(message, label="2"))
    result = shown(await world.alice.click(seen, label="Enlarge"))
    request = world.executor.jobs[-1].request
    assert isinstance(request, Enlarge)
    with Image.open(await first_file(seen)) as picture:
        assert request.picture().tobytes() == picture.tobytes()
    assert request.owner == str(world.alice.id)
    world.executor.jobs[-1].tell(Pictures((Image.new("RGB", (1536, 1536)),), (), (), {"upscale": 1.0}))
    await world.env.settle()
    assert not result.ephemeral
    assert "1536 x 1536 pixels" in text(result)
    assert [a.filename for a in files(result)] == ["janus-8-x2.png"]
    assert buttons(result) == ["Enlarge", "Describe", "Ask", "Send to me", "Info", "Delete"]
    told = told_privately(await world.bob.click(result, label="Info"))
    assert "Picture 2 of an earlier drawing" in told
    assert "picture 2, enlarged](https://discord.com/channels/" in told
    again = shown(await world.alice.click(result, label="Enlarge"))
    await world.alice.click(again, label="Cancel")
    assert world.executor.jobs[-1].cancelled


async def test_what_waits_to_be_enlarged_is_held_as_a_file(world: World) -> None:
    message = await drawn(world)
    seen = shown(await world.alice.click(message, label="2"))
    await world.alice.click(seen, label="Enlarge")
    request = world.executor.jobs[-1].request
    assert isinstance(request, Enlarge)
    width, height = request.size
    assert len(request.png) < width * height / 10  # of one colour: as pixels it is four bytes each
    assert not [name for name in request.__slots__ if isinstance(getattr(request, name), Image.Image)]


async def test_what_follows_from_a_hidden_picture_is_hidden(world: World) -> None:
    message = await drawn(world, spoiler=True)
    one = shown(await world.alice.click(message, label="2"))
    assert [item["spoiler"] for item in gallery(one)] == [True]
    large = shown(await world.alice.click(one, label="Enlarge"))
    world.executor.jobs[-1].tell(Pictures((Image.new("RGB", (1536, 1536)),), (), (), {}))
    await world.env.settle()
    assert [item["spoiler"] for item in gallery(large)] == [True]
    varied = shown(await world.alice.click(one, label="Vary"))
    await finish(world)
    assert all(item["spoiler"] for item in gallery(varied))
    asked = shown(await world.alice.click(large, label="Describe"))
    assert [part["spoiler"] for part in parts(asked, 11)] == [True]


async def test_a_picture_of_5000_pixels_is_not_enlarged(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=1))
    job = world.executor.job
    job.tell(Pictures((Image.new("RGB", (5000, 20)),), ((1,) * 144,), (1,), {}))
    await world.env.settle()
    assert "only pictures under 5000" in told_privately(await world.alice.click(message, label="Enlarge"))
    assert len(world.executor.jobs) == 1


async def test_a_picture_pressed_again_and_again_is_shown_so_often(world: World) -> None:
    message = await drawn(world)
    world.bot.presses.most = 3
    for _ in range(3):
        assert "Picture 3" in text(shown(await world.bob.click(message, label="3")))
    told = told_privately(await world.bob.click(message, label="3"))
    assert "You've pressed 3 buttons that send pictures" in told
    assert "try again <t:" in told
    assert "pressed" not in text(shown(await world.alice.click(message, label="3")))  # others are not concerned
    await world.env.advance_time(60 * 60 + 1)
    assert "pressed" not in text(shown(await world.bob.click(message, label="3")))


async def test_describing_asks_about_one_picture(world: World) -> None:
    message = await drawn(world)
    seen = shown(await world.bob.click(message, label="3"))
    described = shown(await world.bob.click(seen, label="Describe"))
    assert world.executor.last_question.question == "Describe this image."
    world.executor.jobs[-1].tell(answer("A circle."))
    await world.env.settle()
    assert "A circle." in text(described)
    form = await world.bob.click(seen, label="Ask")
    (field,) = fields(form)
    result = shown(await world.bob.submit_modal(form, {field["custom_id"]: "What colour is it?"}))
    question = world.executor.last_question
    assert question.question == "What colour is it?"
    with Image.open(await first_file(seen)) as picture:
        assert question.pictures[0] == fit(picture)
    world.executor.jobs[-1].tell(answer("Blue."))
    await world.env.settle()
    assert "Blue." in text(result)


async def test_info_shows_the_whole_prompt_and_each_picture_s_own_seed(world: World) -> None:
    prompt = "a red circle " + "and another one " * 100
    message = await drawn(world, prompt=prompt, seed=2**32 - 1)
    told = told_privately(await world.bob.click(message, label="Info"))
    assert prompt.strip() in told
    assert "Picture 1: seed 4294967295\nPicture 2: seed 0\nPicture 3: seed 1" in told
    assert "drew 2.5 s" in told
    assert "press “Edit”, enter its seed, and set “Pictures” to 1" in told


async def test_the_form_that_info_sends_to_has_the_button_and_the_field_that_it_names(world: World) -> None:
    message = await drawn(world)
    told = told_privately(await world.bob.click(message, label="Info"))
    button, field = re.findall("“([^”]+)”", told)
    form = await world.bob.click(message, label=button)
    assert form.modal
    assert field in [label["label"] for label in form.modal["components"]]
    single = await drawn(world, count=1)
    assert "To draw one of these" not in told_privately(await world.bob.click(single, label="Info"))


async def test_delete_is_for_who_asked_and_for_moderators(world: World) -> None:
    for member in (world.alice, world.moderator):
        message = await drawn(world)
        assert "Only the member who asked" in told_privately(await world.bob.click(message, label="Delete"))
        await member.click(message, label="Delete")
        assert message.id not in [m.id for m in world.channel.history()]
        assert await world.bot.store.database.rows("SELECT * FROM jobs") == []


async def test_every_button_works_days_later_and_after_a_restart(world: World) -> None:
    message = await drawn(world)
    single = await drawn(world, count=1)
    await world.env.advance_time(timedelta(days=5).total_seconds())
    await restart(world)
    presses = [(message, "Again"), (message, "Edit"), (message, "Info"), (message, "1")]
    for pressed, label in [*presses, *((single, label) for label in ONE)]:
        assert (await world.bob.click(pressed, label=label)).acknowledged
        world.executor.jobs[-1].cancel()  # one member's jobs take turns
        await world.env.settle()
    assert [type(job.request) for job in world.executor.jobs[2:]] == [Drawing] * 4 + [Enlarge, Question]
    await world.alice.click(message, label="Delete")
    assert message.id not in [m.id for m in world.channel.history()]


async def test_after_the_days_that_jobs_are_kept_every_button_says_so(world: World) -> None:
    message = await drawn(world)
    failed = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    world.executor.jobs[-1].tell(Failed("", "memory"))
    await world.env.settle()
    await world.env.advance_time(timedelta(days=world.bot.settings.store.keep_days, hours=25).total_seconds())
    presses = [(message, label) for label in buttons(message)]
    for pressed, label in [*presses, (failed, "Try again")]:
        assert "I no longer have a record of this" in told_privately(await world.alice.click(pressed, label=label))


async def first_file(message: ResponseMessage) -> io.BytesIO:
    return io.BytesIO(await files(message)[0].read())
