"""Compiles the translation catalogues without GNU gettext, which a running portal need not have.
Called by `make` before anything is served or tested; the compiled files are never committed."""

import sys
from pathlib import Path

import polib

LOCALE = Path(__file__).resolve().parent.parent / "locale"


def compile_catalogues(folder: Path = LOCALE) -> list[Path]:
    """Write the .mo beside each .po that is newer than it; return the catalogues that were compiled.

    Fuzzy entries are left out, as msgfmt does. Raises OSError for a catalogue that cannot be parsed.
    """
    compiled = []
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        # A server that starts meanwhile must never load half a catalogue.
        draft = target.with_suffix(".mo.new")
        polib.pofile(str(source), encoding="utf-8").save_as_mofile(str(draft))
        draft.replace(target)
        compiled.append(source)
    return compiled


def main() -> int:
    """Command line: `python -m portal.messages`."""
    for source in compile_catalogues():
        sys.stdout.write(f"Compiled {source.relative_to(LOCALE.parent)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
