"""Pages that are generated from the code are current, and links between pages lead somewhere."""

import json
import re

import pytest

from e2e import matrix
from e2e.harness import exporters, processes
from e2e.harness.processes import REPOSITORY
from e2e.harness.server import BINARY

PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("charts/*/*.md")])


def test_the_command_line_page_is_current():
    command = [REPOSITORY / "scripts" / "gen-cli", BINARY]
    printed = processes.run(command).stdout
    assert (REPOSITORY / "docs" / "cli.md").read_text() == printed, "run `make gen`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    dead = [link for link in links if not (page.parent / link).exists()]
    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_a_heading_lead_to_one(page):
    links = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text())
    dead = [(file, anchor) for file, anchor in links if anchor not in anchors(page.parent / file if file else page)]
    assert not dead


def anchors(page) -> set[str]:
    """Returns the anchors of a page's headings: lower case, hyphens for spaces, else only letters and digits."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    folders = "src|crates|tests|e2e|docs|scripts|benches|config|charts|crds"
    named = re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text())
    dead = [name for name in named if "NAME" not in name and not (REPOSITORY / name).exists()]
    assert not dead


def test_the_fidelity_page_has_the_scores_of_every_supported_ray():
    results = json.loads(matrix.RESULTS.read_text())
    assert list(results) == sorted(matrix.supported(), key=matrix.order, reverse=True)
    page = matrix.PAGE.read_text()
    assert matrix.with_table(page, results) == page, "run `make ray-matrix MATRIX_ARGS=--write`"


def test_new_scores_replace_only_those_of_their_versions():
    stored = {"2.9.0": {"score": 1}, "2.10.1": {"score": 2}, "2.8.0": {"score": 3}}
    written = matrix.merged(stored, {"2.9.0": {"score": 9}}, ["2.9.0", "2.10.1", "2.11.0"])
    assert list(written.items()) == [("2.10.1", {"score": 2}), ("2.9.0", {"score": 9})]


def test_only_the_newest_supported_ray_has_to_be_known_whole():
    newest, *others = sorted(matrix.supported(), key=matrix.order, reverse=True)
    result = {"score": 100.0, "unknownFields": ["taskLifecycleEvent.new"], "gaps": ["unknown-event-types"]}
    assert not matrix.complaints({others[0]: result})
    assert len(matrix.complaints({others[0]: result, newest: result})) == 2


def test_types_of_the_glossary_exist():
    glossary = (REPOSITORY / "CONTRIBUTING.md").read_text().partition("\n## Glossary\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\|(.+)\|(.+)\|.*\|$", glossary, re.MULTILINE)
    # The last column has words that are not used. A type may be written with its modules.
    named = {name for row in rows for cell in row for name in re.findall(r"`(?:\w+::)*([A-Z]\w+)`", cell)}
    assert {"Heavy", "Evidence", "StateRule", "LoadPermit"} <= named
    files = [file for folder in ["src", "crates"] for file in (REPOSITORY / folder).rglob("*.rs")]
    code = "\n".join(file.read_text() for file in files)
    defined = set(re.findall(r"\b(?:struct|enum|trait) (\w+)", code))
    assert not named - defined


def test_the_operations_page_lists_every_condition_and_event():
    """Reasons are collected from the code: the words in CamelCase, and the published Events."""
    controller = REPOSITORY / "crates" / "controller" / "src"
    files = [controller / "status.rs", controller / "obituaries" / "condition.rs"]
    files.append(controller / "retention" / "condition.rs")
    files.append(controller / "persist" / "state.rs")
    files.append(REPOSITORY / "crates" / "retention" / "src" / "executor" / "report.rs")
    status = "".join(file.read_text().partition("#[cfg(test)]")[0] for file in files)
    words = set(re.findall(r'"([A-Z][A-Za-z]+)"', status)) - {"True", "False", "Unknown"}
    events = set(re.findall(r'EventType::\w+, "(\w+)"', (controller / "announce.rs").read_text()))
    assert {"Ready", "Serving", "Rejected", "ListingFailed"} < words
    assert {"SessionEnded", "SettingsRejected", "RetentionHalted"} <= events
    page = (REPOSITORY / "docs" / "operations.md").read_text()
    assert not [word for word in sorted(words | events) if f"`{word}`" not in page]
    rows = set(re.findall(r"^\| `(\w+)` \| \w+ \| `(\w+)` \|", page, re.MULTILINE))
    assert {word for row in rows for word in row} <= words, "the page names what there is no more"


def test_the_collecting_page_lists_every_event_type_s_exporters():
    code = REPOSITORY / "crates" / "core" / "src" / "event" / "kind.rs"
    kinds = set(re.findall(r'=> "(\w+_EVENT)"', code.read_text()))
    assert len(kinds) > 10
    page = (REPOSITORY / "docs" / "collecting.md").read_text()
    table = page.partition("## Event types")[2].partition("\n## ")[0]
    rows = {}
    for types, who in re.findall(r"^\| (`[^|]*) \| ([or ]*) ?\|", table, re.MULTILINE):
        for name in re.findall(r"`(\w+_EVENT)`", types):
            rows[name] = set(who.split())
    assert rows.keys() == kinds
    assert {name for name, who in rows.items() if "o" in who} == exporters.OPERATOR
    assert {name for name, who in rows.items() if "r" in who} == exporters.RAY | {"PLATFORM_EVENT"}
