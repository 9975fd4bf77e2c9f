"""Reads property lists and writes them again: profile.py FILE… makes FILE.xml and FILE.binary, and prints how many there were."""

import json
import pathlib
import plistlib
import sys


def main():
    for name in sys.argv[1:]:
        value = plistlib.loads(pathlib.Path(name).read_bytes())
        for form, ending in ((plistlib.FMT_XML, "xml"), (plistlib.FMT_BINARY, "binary")):
            pathlib.Path(f"{name}.{ending}").write_bytes(plistlib.dumps(value, fmt=form))
    print(json.dumps({"files": len(sys.argv) - 1}))


if __name__ == "__main__":
    main()
