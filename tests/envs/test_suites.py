import pytest

from envs.suites import load_suite
from vla.errors import UnknownNameError


def test_unknown_suite_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"'tabletpo'.*Did you mean 'tabletop'"):
        load_suite("tabletpo")


def test_select_by_all_group_and_name():
    suite = load_suite("tabletop")
    assert [task.name for task in suite.select("all")] == list(suite.tasks)
    assert [task.name for task in suite.select("skills")] == ["pick", "place", "stack", "push", "press"]
    assert {task.group for task in suite.select("long")} == {"long_2_3", "long_4_6"}
    assert [task.name for task in suite.select("press, pick,press")] == ["press", "pick"]


def test_select_names_the_unknown_task():
    with pytest.raises(UnknownNameError, match=r"'pikc'.*Did you mean 'pick'"):
        load_suite("tabletop").select("place,pikc")
