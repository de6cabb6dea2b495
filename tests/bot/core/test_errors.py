from typing import get_args

import pytest

from bot.core.errors import reason_in
from bot.texts import CATALOGUES, Texts
from model.requests import Cause, Failed, Refused


@pytest.mark.parametrize("texts", dict.fromkeys(CATALOGUES.values()), ids=lambda texts: texts.locales[0].name)
@pytest.mark.parametrize("cause", get_args(Cause))
def test_what_the_model_can_not_take_is_told_in_the_member_s_language(texts: Texts, cause: Cause) -> None:
    refused = Refused("The model says no.", cause, 450)
    said = reason_in(texts, refused)
    assert said == reason_in(texts, Failed.of(refused))
    assert (said == "The model says no.") == (cause == "other")
    assert ("450" in said) == (cause in ("prompt", "avoid", "question"))
