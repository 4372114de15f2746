"""A paired run reports the change of the rounds, which the noise of single rounds does not move."""

from bench.paired import table


def test_the_change_is_that_of_neighbouring_rounds():
    before = [0.5, 1.0, 2.0, 0.5, 1.0]  # the machine was busy now and then
    costs = {
        "before": {"requests": before, "streams": before},
        "now": {"requests": [1.1 * one for one in before], "streams": before},
    }
    lines = {line.split()[0]: line for line in table(costs).splitlines()}
    assert "+10.0 %" in lines["requests"]
    assert "+0.0 %" in lines["streams"]
