"""Steps of people in a browser to be let in."""

from e2e.harness.browser import Browser

DIALOG = "Authentication Token Required"
FIELD = "[aria-labelledby='token-auth-dialog-title'] input"
SUBMIT = "[aria-labelledby='token-auth-dialog-title'] button"


def log_in_by_dialog(window: Browser, session: str, token: str):
    """Opens a session and logs in by Ray's own dialog, at the second trial."""
    window.open(session)
    window.wait_for_text(DIALOG)
    window.type_into(FIELD, "wrong.wrong.wrong")
    window.click(SUBMIT, containing="Submit")
    window.wait_for_text("Invalid authentication token")
    window.paste_into(FIELD, token)
    window.click(SUBMIT, containing="Submit")
    window.wait_for(lambda: "Recent jobs" in window.text() and DIALOG not in window.text(), "the dialog to go")


def log_in_by_page(window: Browser, token: str):
    """Logs in by our page, to which something has led."""
    window.wait_for_text("Log in", "A token of yours")
    window.paste_into("#token", token)
    window.click("#login button")
