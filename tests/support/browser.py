"""A page in headless Chromium, by its DevTools protocol (Debian: chromium, python3-websocket)."""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

import websocket


def find_chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return name
    return None


class Browser:
    """One page; what its console says is in `errors`."""

    def __init__(self, width=1280, height=900):
        self.folder = tempfile.mkdtemp(prefix="aedist-browser-")
        self.process = subprocess.Popen(
            [
                find_chromium(),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-dev-shm-usage",
                "--remote-debugging-port=0",
                "--remote-allow-origins=*",
                "--hide-scrollbars",
                f"--user-data-dir={self.folder}",
                f"--window-size={width},{height}",
                "about:blank",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.errors, self.number = [], 0
        try:
            self.socket = websocket.create_connection(self._page_address(), timeout=60)
        except BaseException:
            self.close()
            raise
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(domain + ".enable")

    def _page_address(self):
        """Chromium writes its port and the browser's path into a file of its profile."""
        path = os.path.join(self.folder, "DevToolsActivePort")
        for _ in range(600):
            if os.path.exists(path):
                with open(path, encoding="ascii") as file:
                    lines = file.read().split("\n")
                if len(lines) > 1:
                    break
            if self.process.poll() is not None:
                raise RuntimeError(f"chromium ended with {self.process.returncode}")
            time.sleep(0.1)
        else:
            raise RuntimeError("chromium opens no DevTools port")
        browser = websocket.create_connection(f"ws://127.0.0.1:{lines[0]}{lines[1]}", timeout=60)
        browser.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
        while True:
            answer = json.loads(browser.recv())
            if answer.get("id") == 1:
                break
        browser.close()
        page = next(
            target for target in answer["result"]["targetInfos"] if target["type"] == "page"
        )
        return f"ws://127.0.0.1:{lines[0]}/devtools/page/{page['targetId']}"

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    # ---- Messages -----------------------------------------------------------------------------

    def send(self, method, **parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self._heed(message)

    def wait_for(self, method):
        while True:
            message = json.loads(self.socket.recv())
            self._heed(message)
            if message.get("method") == method:
                return

    def _heed(self, message):
        kind, about = message.get("method"), message.get("params", {})
        if kind == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self.errors.append(
                str(details.get("exception", {}).get("description", details["text"]))
            )
        elif kind == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.errors.append(about["entry"]["text"] + " " + about["entry"].get("url", ""))
        elif kind == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.errors.append(str([item.get("value") for item in about["args"]]))
        elif kind == "Network.requestWillBeSent" and not about["request"]["url"].startswith(
            ("file:", "data:")
        ):
            self.errors.append("asks the network for " + about["request"]["url"])

    # ---- The page -----------------------------------------------------------------------------

    def look(self, width, height=900, dark=False):
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    def open(self, path):
        self.send("Page.navigate", url="file://" + os.path.abspath(path))
        self.wait_for("Page.loadEventFired")

    def run(self, script):
        """The value of an expression; what it throws is raised."""
        result = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"].get("description", script))
        return result["result"].get("value")

    def press(self, key, text=""):
        codes = {
            "ArrowRight": 39,
            "ArrowLeft": 37,
            "Home": 36,
            "End": 35,
            "Tab": 9,
            "Enter": 13,
            " ": 32,
        }
        for kind in "keyDown", "keyUp":
            self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code="Space" if key == " " else key,
                windowsVirtualKeyCode=codes[key],
                **({"text": text} if kind == "keyDown" and text else {}),
            )

    def click(self, selector):
        """A click of the mouse in the middle of what the selector finds first."""
        # What was scrolled must have been drawn, or the click goes where the item was before.
        at = self.run(f"""(async () => {{
            const item = document.querySelector({json.dumps(selector)});
            for (let i = 0; i < 100; i++) {{
                item.scrollIntoView({{block: "center", behavior: "instant"}});
                for (let k = 0; k < 3; k++) await new Promise(requestAnimationFrame);
                const box = item.getBoundingClientRect();
                const at = [box.x + box.width / 2, box.y + box.height / 2];
                if (item.contains(document.elementFromPoint(...at))) return at;
            }} }})()""")
        if not at:
            raise RuntimeError(f"{selector} is nowhere to be clicked")
        for kind in "mouseMoved", "mousePressed", "mouseReleased":
            self.send(
                "Input.dispatchMouseEvent",
                type=kind,
                x=at[0],
                y=at[1],
                button="none" if kind == "mouseMoved" else "left",
                clickCount=1,
            )

    def becomes(self, condition, seconds=10):
        """Whether an expression is true now or soon."""
        end = time.monotonic() + seconds
        while not self.run(condition):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def screenshot(self, path, whole=True):
        data = self.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
