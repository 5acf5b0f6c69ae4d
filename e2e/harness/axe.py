"""axe-core: what keeps people with screen readers, keyboards or weak eyes from using a page."""

from e2e.harness.processes import REPOSITORY

SCRIPT = REPOSITORY / ".cache" / "axe-core" / "node_modules" / "axe-core" / "axe.min.js"
FIND = """
    const [within, scheme, done] = arguments;
    document.documentElement.style.colorScheme = scheme;
    // axe takes a page without a background for a white one, whatever the theme is.
    document.documentElement.style.background = 'Canvas';
    const short = (node) => `${node.target}: ${node.failureSummary}`;
    axe.run(within ? {include: [within]} : document, {resultTypes: ['violations']}).then((found) => done(
        found.violations.map((one) => [one.impact, one.id, one.nodes.map(short).slice(0, 3).join('; ')])
    ), (error) => done([['critical', 'axe', String(error)]]));
"""


def serious(window, within: str = "") -> list[list[str]]:
    """Returns the serious and critical findings on the page, or in an element, in a light and in a dark theme."""
    assert SCRIPT.is_file(), f"no axe-core at {SCRIPT}: run `make e2e-deps`"
    window.run(SCRIPT.read_text())
    found = [found for scheme in ["light", "dark"] for found in window.ask(FIND, within, scheme)]
    return [finding for finding in found if finding[0] in ("serious", "critical")]
