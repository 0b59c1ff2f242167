"""For how long a report waits for the answer to the one before it."""

from lightmill.render_node.core.answers import Answers


def test_without_an_end_that_is_told_nothing_is_waited_for() -> None:
    answers = Answers()
    answers.tell([], 1.0)
    assert answers.patience(2.0) == 0.0


def test_the_first_answer_is_waited_for_briefly() -> None:
    answers = Answers()
    answers.tell(["a"], 1.0)
    assert 0.0 < answers.patience(1.0) <= 0.1


def test_a_leader_that_was_slow_is_given_twice_as_long() -> None:
    answers = Answers()
    answers.tell(["a"], 1.0)
    answers.come(4.0)
    answers.tell(["b"], 5.0)
    assert 6.0 < answers.patience(5.0) <= 6.1


def test_a_leader_that_is_quick_again_is_given_less() -> None:
    answers = Answers()
    for told, come in ((1.0, 4.0), (5.0, 5.01)):
        answers.tell([str(told)], told)
        answers.come(come)
    answers.tell(["c"], 6.0)
    assert answers.patience(6.0) <= 0.1


def test_the_longer_an_answer_fails_to_come_the_longer_each_report_waits() -> None:
    answers = Answers()
    answers.tell(["a"], 1.0)
    first = answers.patience(1.0)
    answers.tell(["a", "b"], 3.0)
    assert first < answers.patience(3.0) <= 1.1


def test_ends_that_a_report_tells_anew_count_from_when_they_were_told_first() -> None:
    answers = Answers()
    answers.tell(["a"], 1.0)
    answers.tell(["a"], 3.0)
    answers.come(4.0)
    answers.tell(["b"], 5.0)
    assert 6.0 < answers.patience(5.0) <= 6.1


def test_an_end_that_is_told_no_more_is_not_waited_for() -> None:
    answers = Answers()
    answers.tell(["a"], 1.0)
    answers.tell(["b"], 9.0)
    assert answers.patience(9.0) <= 0.1
