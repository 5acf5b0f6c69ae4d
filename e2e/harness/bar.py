"""The bar that the server adds to Ray's dashboard, in a page that a browser shows."""

import re

from e2e.harness.browser import Browser

ELEMENT = "document.querySelector('ray-history')"
INSIDE = f"{ELEMENT}?.shadowRoot"
# Ray's dashboard asks for this page to learn whether it exists.
HARMLESS = re.compile(r"/api/v0/platform_events")


def text(window: Browser) -> str:
    """Returns the text that a reader sees in the bar."""
    seen = f"return [...({INSIDE}?.querySelectorAll('section') ?? [])].map((e) => e.innerText).join()"
    return window.run(seen)


def wait_for(window: Browser, *texts: str):
    """Waits until the bar shows every one of the texts."""
    window.wait_for(lambda: all(each in text(window) for each in texts), f"the bar to say {texts}")


def press(window: Browser, name: str):
    """Presses a button of the bar with the keyboard."""
    window.run(
        f"[...{INSIDE}.querySelectorAll('button')].find((b) => b.innerText.includes(arguments[0])).focus()", name
    )
    window.press("\ue007")


def complaints(window: Browser) -> list[str]:
    """Returns the errors of the browser since it was last asked, without the expected ones."""
    return [error for error in window.errors() if not HARMLESS.search(error)]
