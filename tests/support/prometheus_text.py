"""What `/metrics` says, as numbers to compare."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


class Samples:
    """One page."""

    def __init__(self, text: str) -> None:
        self.all: dict[tuple[str, Labels], float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.name, frozenset(sample.labels.items())
                assert name not in self.all, f"{name} stands twice"
                self.all[name] = sample.value

    def total(self, name: str, **labels: str) -> float:
        """The sum over all that have these labels."""
        wanted = labels.items()
        return sum(value for (one, has), value in self.all.items() if one == name and wanted <= has)

    def names(self) -> set[str]:
        return {name for name, _ in self.all}

    def values(self, name: str, label: str) -> set[str]:
        """What stands in a label."""
        return {dict(has)[label] for one, has in self.all if one == name}


def scrape(client: httpx.Client) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return Samples(answer.text)
