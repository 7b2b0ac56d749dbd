"""w3m as somebody at a terminal uses it, driven by its own commands: no page is awaited by the clock.

Keys wait in the terminal while w3m loads a page. At the end of a line of commands it writes the page into a pipe, and
whoever reads the pipe waits for that alone.
"""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

# Longer than any page takes; a page that does not come fails the test.
PATIENCE_SECONDS = 60
SETTINGS = {
    "use_cookie": 1,
    "accept_cookie": 1,
    "show_cookie": 0,
    "ignorecase_search": 0,
    "wrap_search": 1,
    "confirm_qq": 0,
    "display_charset": "UTF-8",
    "no_cache": 1,
}


class TextBrowser:
    """One w3m with a home of its own below ``folder``."""

    def __init__(self, folder: Path, terminal: int) -> None:
        self.terminal, self.pipe, self.typed = terminal, folder / "page", folder / "typed"

    def does(self, *commands: str) -> str:
        """Run commands of w3m, one after the other; return the page that then stands there, white space evened out."""
        line = "; ".join((*commands, f"SAVE_SCREEN '|cat >{self.pipe}'"))
        os.write(self.terminal, f":{line}\n".encode())
        shown = subprocess.run(["cat", self.pipe], capture_output=True, timeout=PATIENCE_SECONDS, check=True)
        return " ".join(shown.stdout.decode().split())

    def goes(self, address: str) -> str:
        """Type an address."""
        return self.does(f"GOTO {address}")

    def presses(self, words: str) -> str:
        """Press the link, the button or the field that begins with those words."""
        return self.does("BEGIN", f"SEARCH '{words}'", "GOTO_LINK")

    def chooses(self, words: str) -> str:
        """Press the circle or box before those words."""
        return self.does("BEGIN", f"SEARCH '{words}'", "PREV_LINK", "GOTO_LINK")

    def fills(self, label: str, text: str) -> str:
        """Fill in the field of one line below its label; w3m asks for its words at the foot of the screen."""
        os.write(self.terminal, f":BEGIN; SEARCH '{label}'; NEXT_LINK; GOTO_LINK\n{text}\n".encode())
        return self.does()

    def writes(self, label: str, text: str) -> str:
        """Write into the box below its label, in the editor that w3m starts for it."""
        self.typed.write_text(text)
        return self.does("BEGIN", f"SEARCH '{label}'", "NEXT_LINK", "GOTO_LINK")


@contextlib.contextmanager
def text_browser(folder: Path, address: str) -> Iterator[TextBrowser]:
    """Start w3m in a terminal of its own at an address; end it afterwards."""
    home = folder / ".w3m"
    home.mkdir()
    lines = [*(f"{name} {value}" for name, value in SETTINGS.items()), f"editor cp {folder / 'typed'} %s"]
    (home / "config").write_text("\n".join(lines) + "\n")
    (home / "keymap").write_text("keymap : COMMAND\n")
    os.mkfifo(folder / "page")
    mine, its = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "vt100", "LANG": "C.UTF-8"}
    with subprocess.Popen(
        ["w3m", "-no-mouse", address], stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True
    ) as running:
        os.close(its)
        threading.Thread(target=_drains, args=(mine,), daemon=True).start()
        try:
            yield TextBrowser(folder, mine)
        finally:
            running.kill()
            running.wait()
            os.close(mine)


def _drains(terminal: int) -> None:
    """Read what w3m paints, so that it never waits for the terminal."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass
