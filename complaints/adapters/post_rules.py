"""Reads the rules of sites and of their posts, which are data: ``complaints/data/posts/sites.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from complaints.domain.post_rules import PostRules, parse

FILE: Final = Path(__file__).resolve().parents[1] / "data" / "posts" / "sites.toml"


@cache
def load() -> PostRules:
    """Return the rules, read once in each process; raises ValueError where the file has a key that is not known."""
    return parse(tomllib.loads(FILE.read_text(encoding="utf-8")))
