from rich.console import Console

from vla.evaluation.results import EpisodeRecord, monitor_entry, summarize
from vla.evaluation.table import success_table


def test_table_shows_rates_intervals_and_the_commonest_failures() -> None:
    reasons = ["dropped", "dropped", "missed; reached: pick up the red cube", "too slow"]
    records = [EpisodeRecord("pick", i, "", False, 9, reason, (), ()) for i, reason in enumerate(reasons)]
    records += [EpisodeRecord("pick", 9, "", True, 120, "", (), ())]
    console = Console(width=120, record=True)
    console.print(success_table(summarize(records, {"pick": "skills"})))
    text = console.export_text()
    assert "20.0 %" in text
    assert "3.6 – 62.5" in text
    assert "2 × dropped, 1 × missed, …" in text
    assert "120" in text
    assert "group skills" in text


def test_table_shows_how_often_the_planner_was_wrong() -> None:
    told = EpisodeRecord("pick", 9, "", True, 120, "", ("a: reached", "b: reached"), (), achieved=(True, False))
    console = Console(width=120, record=True)
    console.print(success_table(summarize([told], {"pick": "skills"}), monitor_entry([told])))
    text = console.export_text()
    assert "false success" in text and "of the planner" in text and "50.0 %" in text
    assert "false failure" not in text
