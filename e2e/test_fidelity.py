"""Every recorded question is asked again; no class of answers may get worse than the committed scores."""

import json

import pytest

from e2e import bundle
from e2e.fidelity import replay
from e2e.scores import BASELINE

TOLERANCE = 0.01
"""Points: the committed scores are rounded."""


@pytest.fixture(scope="module", params=bundle.SESSIONS, ids=lambda session: session.name)
def scored(request, server, unpacked):
    session = request.param
    return session, replay(session.truth(unpacked), f"{server.url}/{session.path}")


def test_no_class_of_answers_gets_worse(scored):
    session, scores = scored
    committed = json.loads(BASELINE.read_text())[session.name]
    now = scores.percent()
    worse = [
        f"{name}: {now.get(name, 0):.2f}, was {was:.2f}"
        for name, was in committed.items()
        if now.get(name, 0) < was - TOLERANCE
    ]
    assert not worse, "\n".join([*worse, "", scores.report(show=40)])


def test_every_class_that_is_asked_for_has_a_committed_score(scored):
    session, scores = scored
    assert scores.percent().keys() == json.loads(BASELINE.read_text())[session.name].keys()


def test_the_answers_are_close_to_the_live_ones(scored):
    _, scores = scored
    report = scores.report(show=40)
    assert scores.overall() >= 97, report
    assert min(scores.percent().values()) >= 88, report
