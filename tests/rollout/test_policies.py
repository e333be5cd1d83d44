from random import Random

import pytest
from test_episode import attempt

from factory.environment import Action
from factory.errors import PolicyError
from rollout.episode import play
from rollout.policies import PolicySpec, make_policy
from rollout.policies.scripted import spoil, unseen_replaced

SEEN = "Archive the budget review from Ana Ruiz. 2 found\n17 | Ben Cole | budget review\n31 | Ana Ruiz | garden party"


async def outcomes(suite, noise, attempts=4):
    policy = make_policy(PolicySpec("noisy_oracle", b'{"noise": %g}' % noise), suite)
    return [await play(suite, t, attempt(t, n), policy) for t in suite.tasks.values() for n in range(attempts)]


async def test_more_noise_means_less_success_and_none_means_the_oracle(toy):
    means = []
    for noise in (0.0, 0.3, 1.0):
        rewards = [t.reward for t in await outcomes(toy, noise)]
        means.append(sum(rewards) / len(rewards))
    assert means[0] == 1.0
    assert means[0] > means[1] > means[2]


async def test_noise_is_drawn_from_the_seed_alone(toy):
    assert await outcomes(toy, 0.5, 1) == await outcomes(toy, 0.5, 1)
    task = next(iter(toy.tasks.values()))
    policy = make_policy(PolicySpec("noisy_oracle", b'{"noise": 0.5}'), toy)
    actions = {str([s.action for s in (await play(toy, task, attempt(task, n), policy)).steps]) for n in range(20)}
    assert len(actions) > 3


def test_a_wrong_value_is_of_the_same_kind_and_was_seen():
    for seed in range(50):
        rng = Random(seed)
        assert spoil(Action("mail_read", {"id": 17}), SEEN, rng).arguments["id"] in (2, 31)
        assert spoil(Action("mail_search", {"sender": "Ana"}), SEEN, rng).arguments["sender"] in (
            "Archive", "Ruiz", "Ben", "Cole",
        )  # fmt: skip
        word = spoil(Action("mail_label", {"label": "garden"}), SEEN, rng).arguments["label"]
        assert word in SEEN.lower()
        assert word != "garden"


def test_where_nothing_else_was_seen_a_call_stays_as_it_is():
    action = Action("mail_read", {"id": 17, "flag": True, "nothing": None})
    assert spoil(action, "17", Random(0)) == action


def test_whoever_left_out_the_reading_has_to_guess():
    action = Action("task_submit", {"answer": "4711", "id": 99})
    guessed = unseen_replaced(action, SEEN, Random(0)).arguments
    assert guessed["answer"] in ("2", "17", "31")
    assert guessed["id"] in (2, 17, 31)
    known = Action("mail_archive", {"id": 31, "text": "garden party"})
    assert unseen_replaced(known, SEEN, Random(0)) == known


@pytest.mark.parametrize(
    "spec",
    [
        PolicySpec("noisy_oracle", b'{"noise": 2}'),
        PolicySpec("noisy_oracle", b"{"),
        PolicySpec("scripted", b"[]"),
        PolicySpec("wizard"),
    ],
)
def test_a_spec_that_makes_no_policy_is_a_policy_error(toy, spec):
    with pytest.raises(PolicyError):
        make_policy(spec, toy)


def test_equal_specs_have_equal_keys_and_others_do_not():
    base = PolicySpec("torch", b"abc", "v1")
    assert base.key == PolicySpec("torch", b"abc", "v1").key
    others = [PolicySpec("torch", b"abc", "v2"), PolicySpec("torch", b"abd", "v1"), PolicySpec("oracle", b"abc", "v1")]
    assert len({spec.key for spec in [base, *others]}) == 4
