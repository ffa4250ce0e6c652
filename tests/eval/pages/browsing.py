"""Pages in a real browser, and applications for it to look at."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import uvicorn
from fastapi import FastAPI

SHOTS = Path(__file__).resolve().parents[3] / "artifacts" / "screenshots"
SIZES = {"phone": (360, 740), "desktop": (1280, 900)}
# Each size and each scheme; `make pages` looks at them in all combinations.
LOOKS = [
    ("phone", "dark"),
    ("desktop", "light"),
    pytest.param("phone", "light", marks=pytest.mark.soak),
    pytest.param("desktop", "dark", marks=pytest.mark.soak),
]
FAINT = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
Scheme = Literal["light", "dark"]


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve `app` on this machine; yield its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        # The browser may come before the server does; until then it waits in line.
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class Tab:
    """A page in the browser that notes what goes wrong in it, and what it fetches."""

    def __init__(self, browser: Any, size: str = "desktop", scheme: Scheme = "light") -> None:
        width, height = SIZES[size]
        self.page = browser.new_page(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        self.width = width
        self.complaints: list[str] = []
        self.fetched: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.fetched.append(request.url))

    def open(self, url: str) -> Any:
        """Open `url`; return the page."""
        self.page.goto(url)
        return self.page

    def check(self, name: str, size: str, scheme: Scheme, *, full: bool = True) -> None:
        """Keep a picture, and see that the page fits, can be read and is content."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}-{size}-{scheme}.png", full_page=full)
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.width
        assert self.page.evaluate(FAINT) == []
        assert self.complaints == []
