"""What a token says of its visitor: who, whether anonymous, and the plan that the owner gave."""

import pytest

from tests.unit.http.jwt.conftest import World

pytestmark = pytest.mark.anyio


async def test_a_user_who_has_logged_in_is_told(world: World):
    claims = await world.verified(world.token())
    assert claims.subject == "3f1c-user"
    assert not claims.anonymous
    assert claims.plan is None
    assert claims.expires == pytest.approx(world.now() + 3600, abs=60)


@pytest.mark.parametrize("said", [True, "true", 1, "no", [], 0.5])
async def test_an_anonymous_user_is_one_and_so_is_a_doubtful_one(world: World, said: object):
    assert (await world.verified(world.token(is_anonymous=said))).anonymous


@pytest.mark.parametrize("said", [False, None])
async def test_issuers_that_know_no_anonymous_users_have_none(world: World, said: object):
    assert not (await world.verified(world.token(is_anonymous=said))).anonymous


@pytest.mark.parametrize(
    "subject", [None, "", 7, ["x"], "x" * 256, "a\nb", "a\0", "\ud800", "a\u202eb", {"id": 1}]
)
async def test_a_visitor_has_a_name_that_can_be_shown(world: World, subject: object):
    assert "does not say who its user is" in await world.why(world.token(sub=subject))


@pytest.mark.parametrize("subject", ["x", "x" * 255, "auth0|5f7c", "Jürgen 王", "a b"])
async def test_a_name_of_up_to_255_characters_is_taken(world: World, subject: str):
    assert (await world.verified(world.token(sub=subject))).subject == subject


async def test_a_key_of_supabase_is_no_visitor(world: World):
    told = await world.why(world.token(role="anon"))
    assert "public key of Supabase (role anon)" in told
    assert "signInAnonymously" in told
    told = await world.why(world.token(role="service_role"))
    assert "secret key of Supabase (role service_role)" in told
    assert "rotate it" in told
    assert world.server.asked == []


@pytest.mark.parametrize(
    ("metadata", "plan"),
    [
        ({"localllm": "pro"}, "pro"),
        ({"localllm": {"plan": "team_2-x"}}, "team_2-x"),
        ({"localllm": "x" * 50}, "x" * 50),
        ({"localllm": {"other": 1}}, None),
        ({"localllm": None, "provider": "email"}, None),
        ({}, None),
        (None, None),
        ("pro", None),
    ],
)
async def test_the_owner_gives_plans(world: World, metadata: object, plan: str | None):
    assert (await world.verified(world.token(app_metadata=metadata))).plan == plan


async def test_no_user_gives_himself_a_plan(world: World):
    token = world.token(user_metadata={"localllm": "pro"}, localllm="pro", plan="pro")
    assert (await world.verified(token)).plan is None


@pytest.mark.parametrize("said", ["", "Pro", "x" * 51, "a b", "pro\n", 7, ["pro"], {"plan": 1}])
async def test_a_plan_that_cannot_be_is_told_and_not_passed_over(world: World, said: object):
    """What was meant might be less than what everybody has."""
    told = await world.why(world.token(app_metadata={"localllm": said}))
    assert "names a plan that cannot exist" in told
    assert "app_metadata.localllm" in told
