"""Errors that other layers catch; of the sealing module, which an import contract keeps from them, all they may."""


class SealError(Exception):
    """Sealed bytes did not open, or opened to something else than was expected; its message never holds content."""


class Refused(Exception):
    """An act is refused; ``code`` is the reason, for which the screens have the words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
