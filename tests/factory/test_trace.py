from dataclasses import replace

from factory.environment import Action
from factory.trace import chain

READ = Action("memo_read", {"id": 1})


def test_every_part_of_a_step_and_all_before_it_decide_its_trace_digest():
    others = (
        chain("q", READ, "o", "s"),
        chain("p", replace(READ, name="memo_list"), "o", "s"),
        chain("p", replace(READ, arguments={"id": 2}), "o", "s"),
        chain("p", replace(READ, arguments=None, raw='{"id": 1'), "o", "s"),
        chain("p", replace(READ, arguments=None, raw='{"id":'), "o", "s"),
        chain("p", READ, "t", "s"),
        chain("p", READ, "o", "t"),
    )
    assert len({chain("p", READ, "o", "s"), *others}) == 1 + len(others)


def test_parts_do_not_run_into_each_other():
    assert chain("p", READ, "os", "") != chain("p", READ, "o", "s")


def test_the_order_in_which_a_policy_names_arguments_does_not_count():
    one, two = (Action("memo_write", given) for given in ({"id": 1, "text": "a"}, {"text": "a", "id": 1}))
    assert chain("p", one, "o", "s") == chain("p", two, "o", "s")
