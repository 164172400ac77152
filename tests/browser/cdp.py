"""Chromium over its debugging pipe: no port, no package. Messages are JSON, ended by a NUL byte."""

import json
import os
import subprocess
import tempfile

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--force-color-profile=srgb", "--remote-debugging-pipe",
]


# Ends once the page has been painted and the time of it is known.
PAINTED = """new Promise(done => {
  new PerformanceObserver(list => { if (list.getEntriesByName('first-contentful-paint').length) done(true); })
    .observe({ type: 'paint', buffered: true });
})"""


class Browser:
    """A headless Chromium of its own, in a profile of its own."""

    def __init__(self, program):
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)

        def wire():
            # Chromium reads commands from descriptor 3 and writes answers to 4.
            read, write = os.dup(to_read), os.dup(to_write)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"],
            preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self._left = b""
        self._number = 0
        self.events = []

    def _message(self):
        while b"\0" not in self._left:
            piece = os.read(self._from, 1 << 20)
            if not piece:
                raise RuntimeError("Chromium ended")
            self._left += piece
        message, self._left = self._left.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        """The answer to a command; events that come before it are kept."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        if session:
            command["sessionId"] = session
        os.write(self._to, json.dumps(command).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            if "method" in message:
                self.events.append(message)

    def until(self, method, session):
        """Waits for an event of a page, that may have come already."""
        is_it = lambda event: event["method"] == method and event.get("sessionId") == session
        while not any(is_it(event) for event in self.events):
            message = self._message()
            if "method" in message:
                self.events.append(message)
        found = next(event for event in self.events if is_it(event))
        self.events.remove(found)
        return found

    def close(self):
        try:
            self.call("Browser.close")
        except (RuntimeError, OSError):
            self._process.terminate()
        self._process.wait(20)
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()


class Page:
    """One page: what it says, asks for and looks like."""

    def __init__(self, browser):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def look(self, width, height, dark=False, media=""):
        """Sets the window, the colour scheme and the medium."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def open(self, file):
        """Loads a file and waits for it."""
        self.browser.events = [e for e in self.browser.events if e.get("sessionId") != self.session]
        self.call("Page.navigate", url="file://" + file)
        self.browser.until("Page.loadEventFired", self.session)
        self.run(PAINTED)

    def run(self, script):
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"].get("description", "a script failed"))
        return found["result"].get("value")

    def heard(self):
        """What the page said on the console, and what it asked the network for beside itself."""
        said, asked = [], []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            params = event["params"]
            match event["method"]:
                case "Runtime.consoleAPICalled":
                    said.append(" ".join(str(one.get("value", one.get("type"))) for one in params["args"]))
                case "Runtime.exceptionThrown":
                    said.append(params["exceptionDetails"]["text"])
                case "Log.entryAdded":
                    said.append(params["entry"]["text"])
                case "Network.requestWillBeSent":
                    asked.append(params["request"]["url"])
        return said, [url for url in asked[1:] if not url.startswith("data:")]
