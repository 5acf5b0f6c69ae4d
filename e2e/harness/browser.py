"""Debian's Chromium, driven headless; it gathers the errors of every page."""

import json
import os
import shutil
import time
from pathlib import Path

from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from e2e.harness import processes

# No sandbox: containers run as root. The rest keeps Chromium from asking its maker's servers.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1200",
]
WAIT_SECONDS = 30


class Browser:
    """One window; a context manager. Errors are gathered until `errors` returns them.

    `only` is the beginning of every URL that pages may request, or several; `flags` are more of Chromium's.
    """

    def __init__(self, scratch: Path, only: str | tuple[str, ...], *flags: str):
        self._allowed = ((only,) if isinstance(only, str) else only) + ("data:", "blob:", "about:")
        self.downloads = scratch / "downloads"
        self.downloads.mkdir(parents=True)
        self._options = ChromeOptions()
        self._options.binary_location = program("CHROMIUM", "chromium")
        for flag in [*FLAGS, *flags, f"--user-data-dir={scratch / 'profile'}"]:
            self._options.add_argument(flag)
        self._options.add_experimental_option("prefs", {"download.default_directory": str(self.downloads)})
        self._options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self._driver_log = scratch / "chromedriver.log"

    def __enter__(self):
        driver, own = program("CHROMEDRIVER", "chromedriver"), processes.environment({})
        service = Service(driver, log_output=str(self._driver_log), env=own)
        self._driver = Chrome(options=self._options, service=service)
        self._driver.set_page_load_timeout(WAIT_SECONDS)
        self._driver.get("about:blank")
        self._driver.get_log("performance")  # drops the requests of Chromium's own start
        self._requests = {}
        return self

    def __exit__(self, *_):
        self._driver.quit()

    def open(self, url: str):
        """Goes to a URL; the document is loaded again even if only the part after # differs."""
        self._driver.get("about:blank")
        self._driver.get(url)

    @property
    def url(self) -> str:
        return self._driver.current_url

    def text(self) -> str:
        """Returns the text that a reader sees."""
        return self._driver.execute_script("return document.body ? document.body.innerText : ''")

    def run(self, script: str, *arguments):
        """Runs JavaScript in the page."""
        return self._driver.execute_script(script, *arguments)

    def ask(self, script: str, *arguments):
        """Runs JavaScript that calls its last argument when it is done."""
        return self._driver.execute_async_script(script, *arguments)

    def wait_for(self, condition, what: str):
        """Polls until a condition holds, and returns its result."""
        end = time.monotonic() + WAIT_SECONDS
        while not (result := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"waited {WAIT_SECONDS} s for {what} at {self.url}; the page says:\n{self.text()}")
            time.sleep(0.1)
        return result

    def wait_for_text(self, *texts: str):
        """Waits until the page shows every one of the texts."""
        self.wait_for(lambda: all(text in self.text() for text in texts), f"the page to show {texts}")

    def click(self, selector: str, containing: str = ""):
        """Clicks the first visible element that a CSS selector finds and whose text contains something."""
        find = """
            const [selector, text] = arguments;
            const visible = (e) => e.getClientRects().length > 0;
            return [...document.querySelectorAll(selector)].find((e) => visible(e) && e.textContent.includes(text));
        """
        what = f"{selector} with {containing!r}"
        element = self.wait_for(lambda: self._driver.execute_script(find, selector, containing), what)
        self._driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def type_into(self, selector: str, text: str):
        """Types into a field, as a person would."""
        field = self._driver.find_element("css selector", selector)
        field.clear()
        field.send_keys(text)

    def paste_into(self, selector: str, text: str):
        """Replaces the text of a field at once, as pasting does: long texts, and fields that React keeps."""
        paste = """
            const [selector, text] = arguments;
            const field = document.querySelector(selector);
            field.focus();
            field.select();
            document.execCommand("insertText", false, text);
        """
        self.run(paste, selector, text)

    def press(self, key: str):
        """Presses a key where the focus is."""
        ActionChains(self._driver).send_keys(key).perform()

    def resize(self, width: int, height: int):
        self._driver.set_window_size(width, height)

    def be_phone(self, width: int, height: int):
        """Shows pages as a phone of this size does; zeros make it a window again."""
        if width:
            metrics = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": True}
            self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        else:
            self._driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def downloaded(self) -> Path:
        """Waits for a download to be complete, and returns the file."""

        def complete():
            # Until then Chromium gives it a hidden name, or one that ends in .crdownload.
            return next((f for f in self.downloads.glob("[!.]*") if f.suffix != ".crdownload"), None)

        return self.wait_for(complete, "a download")

    def screenshot(self, to: Path):
        self._driver.save_screenshot(str(to))

    def errors(self) -> list[str]:
        """Returns script errors, console errors, and requests that failed or were refused, since the last call."""
        found = [f"console: {line['message']}" for line in self._driver.get_log("browser") if line["level"] == "SEVERE"]
        for line in self._driver.get_log("performance"):
            event = json.loads(line["message"])["message"]
            found.extend(self._network_error(event["method"], event["params"]))
        return found

    def _network_error(self, method: str, params: dict):
        """Yields the failures that a network event of the DevTools protocol reports."""
        request = params.get("requestId")
        if method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            self._requests[request] = f"{params['request']['method']} {url}"
            if not url.startswith(self._allowed):
                yield f"request to another server: {url}"
        elif method == "Network.responseReceived" and params["response"]["status"] >= 400:
            yield f"{params['response']['status']} {self._requests.get(request, params['response']['url'])}"
        # Requests of a page that is left are cancelled, not failed.
        elif method == "Network.loadingFailed" and request in self._requests and not params.get("canceled"):
            yield f"{params['errorText']} {self._requests[request]}"


def program(variable: str, name: str) -> str:
    """The path of a program, named by an environment variable or found on the PATH."""
    path = shutil.which(os.environ.get(variable, name))
    assert path, f"{name} is not installed: run scripts/install-chromium, or name it in {variable}"
    return path
