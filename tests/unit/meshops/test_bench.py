"""The benchmark's arithmetic, and the synthetic applications it plans."""

from __future__ import annotations

import pytest

from configuration.parsing import parse
from meshops import bench
from meshops.bench import Measurement, excesses, table
from meshops.plan import plan
from meshops.synthetic import with_applications
from offline.stack_files import read_stack
from offline.values import Secret


def measured(applications: int, cpu: float, peak: float) -> Measurement:
    return Measurement(applications=applications, resources=applications * 9, seconds=cpu + 1, cpu=cpu, peak=peak)


def test_linear_growth_is_no_excess() -> None:
    assert excesses([measured(10, 3, 200), measured(100, 6.6, 245), measured(1000, 42.6, 695)]) == []


def test_a_cost_per_application_that_rises_is_an_excess() -> None:
    assert excesses([measured(10, 3, 200), measured(100, 6.6, 245), measured(1000, 114.6, 695)]) == [
        "Growth of time is worse than linear: a further application costs 3.00 times as much as at the size before "
        "(tolerated: 1.4)."
    ]


def test_memory_is_judged_by_itself() -> None:
    found = excesses([measured(10, 3, 200), measured(100, 6.6, 245), measured(1000, 42.6, 1100)])
    assert [verdict.split(" is ")[0] for verdict in found] == ["Growth of memory"]


def test_the_table_shows_what_a_further_application_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_machine", lambda: "2 cores")
    assert table([measured(10, 3, 200), measured(100, 6.6, 245)], "dev").splitlines() == [
        "| applications | resources | seconds | CPU seconds | ms per further application | peak MiB "
        "| KiB per further application |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| 10 | 90 | 4.0 | 3.0 |  | 200 |  |",
        "| 100 | 900 | 7.6 | 6.6 | 40.0 | 245 | 512 |",
        "",
        "Stack `dev`'s settings, 2 cores.",
    ]


@pytest.mark.parametrize("count", [0, 1, 120])
def test_synthetic_applications_are_valid_settings_of_the_stack(count: int) -> None:
    config = with_applications(read_stack(plan.PROGRAM, "dev").config, count)
    parsed = parse("dev", {key: value.value if isinstance(value, Secret) else value for key, value in config.items()})
    assert sum(len(namespace.applications) for namespace in parsed.namespaces) == count
    assert parsed.network.zones == ("eu-west-1a", "eu-west-1b")
