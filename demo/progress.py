"""The demo's progress: a live line in a terminal, plain lines elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.status import Status


class Progress:
    """The current step of the demo; each completed step is printed with its duration."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._title: str | None = None
        self._began = 0.0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end(failed=error is not None)

    def step(self, title: str) -> None:
        """End the previous step, and start another."""
        self._end()
        self._title, self._began = title, time.monotonic()
        if self._console.is_terminal:
            self._status = self._console.status(title)
            self._status.start()

    def detail(self, text: str) -> None:
        """Show the progress of the step."""
        if self._status:
            self._status.update(f"{self._title} [dim]{text}[/]")

    def _end(self, *, failed: bool = False) -> None:
        if self._status:
            self._status.stop()
            self._status = None
        if self._title is not None:
            mark = "[bold red]✗[/]" if failed else "[green]✓[/]"
            took = time.monotonic() - self._began
            self._console.print(f"{mark} {self._title} [dim]{took:.1f} s[/]", soft_wrap=True)
            self._title = None
