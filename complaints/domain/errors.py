"""Errors that callers outside the sealing module may catch: the import contract keeps the module itself from them."""


class SealError(Exception):
    """Sealed bytes did not open, or opened to something else than was expected; its message never holds content."""
