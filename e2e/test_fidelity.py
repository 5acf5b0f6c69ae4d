"""Every recorded question is asked again; no class of answers may get worse than the committed scores."""

import json

import pytest

from e2e.fidelity import replay
from e2e.harness import bundle
from e2e.harness.server import Server
from e2e.scores import BASELINE, CASES

TOLERANCE = 0.01
"""Points: the committed scores are rounded."""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Every bundled recording, each in a folder of its own name."""
    return bundle.unpack(tmp_path_factory.mktemp("recordings"), bundle.RECORDINGS)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def scored(request, recordings, tmp_path_factory):
    case = request.param
    with Server(case.bucket(recordings), tmp_path_factory.mktemp("server") / "log") as server:
        return case, replay(case.session.truth(recordings), f"{server.url}/{case.session.path}")


def test_no_class_of_answers_gets_worse(scored):
    case, scores = scored
    committed = json.loads(BASELINE.read_text())[case.name]
    now = scores.percent()
    worse = [
        f"{name}: {now.get(name, 0):.2f}, was {was:.2f}"
        for name, was in committed.items()
        if now.get(name, 0) < was - TOLERANCE
    ]
    assert not worse, "\n".join([*worse, "", scores.report(show=40)])


def test_every_class_that_is_asked_for_has_a_committed_score(scored):
    case, scores = scored
    assert scores.percent().keys() == json.loads(BASELINE.read_text())[case.name].keys()


def test_the_answers_are_close_to_the_live_ones(scored):
    case, scores = scored
    if case.exporter in ("ray", "nothing"):
        return  # Events that were not exported cannot be shown; the gaps say so (test_gaps).
    report = scores.report(show=40)
    assert scores.overall() >= 98.8, report
    assert min(scores.percent().values()) >= 88, report
