"""Compiles the translation catalogues without GNU gettext, so that a server need not install it.

``make`` calls it before it serves or tests; the compiled files are not committed.
"""

import sys
from pathlib import Path

import polib

LOCALE = Path(__file__).resolve().parent.parent / "locale"


def compile_catalogues(folder: Path = LOCALE) -> list[Path]:
    """Write the .mo beside each .po that is newer; return the .po files that were compiled.

    Fuzzy entries are left out, as msgfmt does. Raises OSError for a catalogue that cannot be parsed.
    """
    compiled = []
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        # Renamed when complete, so that a server that starts meanwhile never loads half a catalogue.
        temporary = target.with_suffix(".mo.new")
        polib.pofile(str(source), encoding="utf-8").save_as_mofile(str(temporary))
        temporary.replace(target)
        compiled.append(source)
    return compiled


def main() -> int:
    """Run as ``python -m portal.messages``; return the exit status."""
    for source in compile_catalogues():
        sys.stdout.write(f"Compiled {source.relative_to(LOCALE.parent)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
