"""What the suite says of its tasks, which needs no simulator."""

from collections import Counter

from envs.metaworld.tasks import HORIZON, PUSH_BACK, TASKS, other_sentence
from envs.suites import load_suite


def test_fifty_tasks_in_four_tiers():
    tiers = Counter(task.group for task in TASKS.values())
    assert tiers == {"easy": 28, "medium": 11, "hard": 6, "very_hard": 5}
    assert list(tiers) == ["easy", "medium", "hard", "very_hard"]
    assert {round(task.max_seconds * 80) for task in TASKS.values()} == {HORIZON}


def test_no_two_tasks_have_the_same_sentence():
    sentences = [task.description for task in TASKS.values()]
    assert len(set(sentences)) == len(sentences)
    assert TASKS[PUSH_BACK].description != TASKS["push-v3"].description


def test_another_sentence_is_that_of_another_task():
    for task, info in TASKS.items():
        others = {other_sentence(task, seed) for seed in range(60)}
        assert info.description not in others
        assert len(others) == 49


def test_tiers_and_tasks_are_selected_by_name():
    suite = load_suite("metaworld_mt50")
    assert len(suite.select("all")) == 50
    assert {task.group for task in suite.select("hard")} == {"hard"}
    assert [task.name for task in suite.select("reach-v3,push-v3")] == ["reach-v3", "push-v3"]
