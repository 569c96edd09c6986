"""The files for Prometheus and Grafana: every figure is told, every question parses, every alert is explained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser as promql
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from portal.operations import metrics
from tests.rig.portal import ROOT

RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/countersign.json").read_text())
RUNBOOK = (ROOT / "docs/runbook-alerts.md").read_text(encoding="utf-8")
PROMETHEUS_OWN = {"up"}


def questions() -> Iterator[tuple[str, str]]:
    """Where each stands, and what it asks."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield f"{panel['title']} {target['refId']}", target["expr"].replace("$__rate_interval", "1m")
    for annotation in DASHBOARD["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if asked := re.fullmatch(r"label_values\((.+), \w+\)", variable.get("definition", "")):
            yield variable["name"], asked[1]


def selectors(node: Any) -> Iterator[promql.VectorSelector]:
    """Every series a parsed question reads."""
    if isinstance(node, promql.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        if (inner := getattr(node, name, None)) is not None:
            yield from selectors(inner)
    for inner in getattr(node, "args", None) or []:
        yield from selectors(inner)


@pytest.fixture
def told(db: None) -> dict[str, set[str]]:
    """What /metrics tells of an empty portal, by name of the samples: the labels each may carry."""
    names: dict[str, set[str]] = {}
    text = metrics.render_metrics().decode()
    for family in text_string_to_metric_families(text):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        for suffix in suffixes:
            names[family.name + suffix] = {label for sample in family.samples for label in sample.labels}
    return names


ASKED = dict(questions())


def test_questions_have_a_place_of_their_own() -> None:
    assert len(ASKED) == len(list(questions())) > 50


@pytest.mark.parametrize("expr", ASKED.values(), ids=ASKED.keys())
def test_question_parses_and_asks_for_what_is_told(expr: str, told: dict[str, set[str]]) -> None:
    asked = list(selectors(promql.parse(expr)))
    assert asked
    for selector in asked:
        assert selector.name in told.keys() | PROMETHEUS_OWN
        for matcher in selector.matchers.matchers:
            # Without a sample nobody knows the labels; the others must be the series' own.
            assert matcher.name == "job" or not told[selector.name] or matcher.name in told[selector.name]


@pytest.mark.parametrize("name", [rule["alert"] for rule in RULES])
def test_alert_leads_to_its_section_of_the_runbook(name: str) -> None:
    (rule,) = [rule for rule in RULES if rule["alert"] == name]
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert page.endswith("/runbook-alerts.md")
    assert anchor == name.lower()
    _, found, rest = RUNBOOK.partition(f"\n## {name}\n")
    assert found
    section = rest.partition("\n## ")[0]
    assert all(part in section for part in ("**Means:**", "**Look at:**", "**Do:**"))
    assert rule["labels"]["severity"] in section


def test_runbook_explains_no_alert_that_is_gone_and_its_links_lead_somewhere() -> None:
    headings = re.findall(r"^## (\S+)$", RUNBOOK, re.MULTILINE)
    assert headings == [rule["alert"] for rule in RULES]
    assert set(re.findall(r"\]\(#(\w+)\)", RUNBOOK)) <= {heading.lower() for heading in headings}


def test_panels_do_not_lie_over_each_other() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        for cell in (
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ):
            assert cell[0] < 24
            assert taken.setdefault(cell, panel["title"]) == panel["title"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
