"""What opens in a thread of its own, so that the page is there meanwhile. No Gradio."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Opened = TypeVar("Opened")

# Opening a model changes torch's default dtype, which all threads share: one is opened at a time.
OPENING = threading.Lock()


class InBackground(Generic[Opened]):
    """What `opening` returns, opened once, when it is first asked for: whoever has no need of it never waits.

    `name` is the thread's. A failure shows when the result is used.
    """

    def __init__(self, opening: Callable[[], Opened], name: str):
        self._opening, self._name = opening, name
        self._beginning = threading.Lock()
        self._opened: Future[Opened] | None = None

    @property
    def ready(self) -> bool:
        """Whether it is open, or has failed to."""
        return self._opened is not None and self._opened.done()

    def begin(self) -> Future[Opened]:
        """Begins to open it, if nobody has, and returns at once."""
        with self._beginning:
            if self._opened is None:
                self._opened = Future()
                threading.Thread(
                    target=self._open, args=(self._opened,), name=self._name, daemon=True
                ).start()
            return self._opened

    def _open(self, opened: Future[Opened]) -> None:
        try:
            with OPENING:
                made = self._opening()
            opened.set_result(made)
        except Exception as error:
            opened.set_exception(error)  # raised again to whoever asks for the result
