import pytest

from vla.planner.calibration import asked, calibrate, fitted
from vla.planner.monitor import Monitor
from vla.planner.scoring import Outcome


def answer(yes: float, truth: str, *, about: str = "pick", unseen: float = 0.0) -> Outcome:
    probabilities = (yes * (1 - unseen), (1 - yes) * (1 - unseen), unseen)
    return Outcome("progress", True, truth, "", probabilities=probabilities, about=f"{about} {truth}")


SEEN = [*[answer(share, "yes") for share in (0.95, 0.9, 0.8, 0.6, 0.2)],
        *[answer(share, "no") for share in (0.75, 0.5, 0.1, 0.05)]]  # fmt: skip


def test_bands_are_counted_by_what_is_so() -> None:
    found = calibrate(Monitor(0.7, 0.3), [*SEEN, answer(0.9, "yes", unseen=0.8), answer(0.9, "cannot see")])
    assert (found.false_success, found.false_failure, found.undecided) == ((1, 4), (1, 6), (3, 10))


def test_fitted_bands_decide_as_much_as_they_may() -> None:
    assert fitted(SEEN) == Monitor(0.76, 0.19)
    calibration = calibrate(Monitor(0.76, 0.19), SEEN)
    assert (calibration.false_success, calibration.false_failure) == ((0, 4), (0, 5))


def test_where_the_answers_need_no_gap_it_is_in_the_middle() -> None:
    found = fitted([answer(0.8, "yes"), answer(0.3, "no")])
    assert found == Monitor(0.55, 0.54)


def test_a_model_that_is_sure_of_what_is_wrong_has_no_bands() -> None:
    assert fitted([answer(1.0, "no"), answer(0.5, "yes")]) is None


@pytest.mark.parametrize("skill", ["push", "stack"])
def test_what_is_measured_is_not_asked(skill: str) -> None:
    plain = answer(0.9, "yes")
    assert asked([answer(0.9, "yes", about=skill), plain, Outcome("count", True, "words", "")]) == [plain]
