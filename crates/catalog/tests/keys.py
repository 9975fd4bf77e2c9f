"""Lists every key of the facts with its type, presence, values, range and systems: one JSON document a line.

    keys.py FOLDER_OF_FACTS
"""

import json
import pathlib
import sys

GROUPS = (("command", "commands", "commands", "request_type", ("request_keys", "response_keys")),
          ("payload", "profiles", "profiles", "payload_type", ("keys",)),
          ("declaration", "declarations", "declarations", "declaration_type", ("keys",)),
          ("status", "declarations", "status_items", "status_item", ("value",)),
          ("message", "declarations", "protocol", "message", ("keys",)),
          ("checkin", "checkin", "checkin", "message_type", ("request_keys", "response_keys")),
          ("document", "checkin", "errors", "name", ("keys",)), ("document", "checkin", "other", "name", ("keys",)))
PLAIN = {"string", "integer", "real", "boolean", "date", "data", "array", "dictionary"}


def three(text):
    """`27` as `27.0`, as versions are shown."""
    return text if "." in text else f"{text}.0"


def listed(keys, path):
    for key in keys:
        place = [*path, key["key"]]
        kind = "real" if key["type"] == "number" else key["type"]
        yield {"path": place, "type": kind if kind in PLAIN else "any", "required": key["presence"] == "required" if "presence" in key else None,
               "enum": key.get("enum", []), "min": key.get("range", {}).get("min"), "max": key.get("range", {}).get("max"),
               "format": key.get("format"), "removed": three(key["removed_in"]) if "removed_in" in key else None,
               "systems": {system: None if said.get("introduced") == "n/a" else three(said["introduced"])
                           for system, said in key.get("supported_os", {}).items()
                           if said.get("introduced") not in (None, "all")}}
        yield from listed(key.get("subkeys") or [], place)


def main():
    for kind, file, group, word, parts in GROUPS:
        for source in json.loads((pathlib.Path(sys.argv[1]) / f"{file}.json").read_text())[group]:
            for part in parts:
                for key in listed([one for one in source.get(part) or [] if "key" in one], []):
                    print(json.dumps({"kind": kind, "name": source[word], "answer": part == "response_keys", **key}))


if __name__ == "__main__":
    main()
