"""Lets oscrypto 1.3.0 read the version of an OpenSSL whose patch number has two digits, such as 3.0.22.

PyScep needs oscrypto, whose last release expects one digit. Only the installed copy of this virtual environment is changed,
and only the one pattern; running it again changes nothing.
"""

import importlib.util
import pathlib
import sys

WRONG = r"\\b(\\d\\.\\d\\.\\d[a-z]*)\\b"
RIGHT = r"\\b(\\d\\.\\d\\.\\d+[a-z]*)\\b"


def mend():
    """Mends the files that have the pattern and returns how many were changed."""
    found = importlib.util.find_spec("oscrypto")
    if found is None:
        raise SystemExit("oscrypto is not installed here: pip install -r tests/interop/requirements.txt")
    changed = 0
    for folder in found.submodule_search_locations:
        for path in pathlib.Path(folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if WRONG in text:
                path.write_text(text.replace(WRONG, RIGHT), encoding="utf-8")
                changed += 1
    return changed


if __name__ == "__main__":
    print(f"oscrypto: {mend()} files mended", file=sys.stderr)
