from model.requests import Progress, Queued, Started
from tests.bot.conftest import World
from tests.bot.scripted import pictures
from tests.bot.seen import buttons, gallery, text


async def test_a_drawing_from_the_first_second_to_the_gallery(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=3)
    assert result.response
    assert "a red circle" in text(result.response)
    world.executor.job.tell(Queued(2, 40.0))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "number 2 in the queue, about 40 s" in text(result.response)
    world.executor.job.tell(Started(), Progress(50, 100, 5.0))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "50 %, about 5 s left" in text(result.response)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert "seed 7 · guidance 5 · temperature 1 · demo · 2.5 s" in text(result.response)
    assert [item["description"] for item in gallery(result.response)] == ["a red circle"] * 3
    assert [a.filename for a in result.response.attachments] == ["janus-7.png", "janus-8.png", "janus-9.png"]
    assert buttons(result.response) == []
