"""Reads the two inputs of the catalogue into one form: a folder in Apple's layout, and the facts laid over it.

An entry is a dictionary: kind, name, variant, os, keys, answer, apply. A key is a dictionary with the attributes that the table
has. Merging keeps what either side knows; where both speak and differ, the overlay wins and the difference is told.
"""

import json
import pathlib

import apple_yaml

# Where each kind of entry lives in Apple's layout, the longest path first.
_FOLDERS = [
    ("declarative/declarations/", "declaration"),
    ("declarative/protocol/", "message"),
    ("declarative/status/", "status"),
    ("mdm/commands/", "command"),
    ("mdm/checkin/", "checkin"),
    ("mdm/profiles/", "payload"),
    ("mdm/errors/", "document"),
    ("other/", "document"),
]

# Apple's files of documents carry no machine-readable name; these are the names of their documentation pages.
_DOCUMENTS = {
    "softwareupdate.required": "ErrorCodeSoftwareUpdateRequired",
    "psso.required": "ErrorCodePlatformSSORequired",
    "watch.pairing.token.missing": "ErrorCodePairingTokenMissing",
    "unrecognized.device": "ErrorUnrecognizedDevice",
    "well-known.failed": "ErrorWellKnownFailed",
    "machineinfo": "MachineInfo",
    "esso": "EnrollmentSSODocument",
    "manifesturl": "ManifestURL",
    "passwordhash": "PasswordHash",
    "skipkeys": "SkipKeys",
}
_NAMES = ("requesttype", "payloadtype", "declarationtype", "statusitemtype", "credentialtype")
_CHECKINS = {"authenticate": "Authenticate", "checkout": "CheckOut", "declarativemanagement": "DeclarativeManagement",
             "getbootstraptoken": "GetBootstrapToken", "gettoken": "GetToken", "setbootstraptoken": "SetBootstrapToken",
             "tokenupdate": "TokenUpdate", "userauthenticate": "UserAuthenticate", "returntoservice": "ReturnToService"}
_OS_WORDS = {"accessrights": "access_right", "devicechannel": "device_channel", "userchannel": "user_channel",
             "requiresdep": "requires_dep", "userapprovedmdm": "user_approved_mdm",
             "allowmanualinstall": "allow_manual_install", "allowed-enrollments": "allowed_enrollments",
             "allowed-scopes": "allowed_scopes", "always-skippable": "always_skippable", "sharedipad": "shared_ipad",
             "userenrollment": "user_enrollment"}
_KEY_WORDS = {"rangelist": "enum", "combinetype": "combine", "assettypes": "asset_types"}
_KEY_ATTRIBUTES = ("presence", "default", "enum", "range", "repetition", "format", "subtype", "combine", "asset_types")


def read_folder(folder):
    """Every entry of a folder in Apple's layout; YAML, or JSON of the same form."""
    folder = pathlib.Path(folder)
    entries = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        kind = next((kind for prefix, kind in _FOLDERS if relative.startswith(prefix)), None)
        if kind is None or path.suffix not in (".yaml", ".json"):
            continue
        text = path.read_text(encoding="utf-8")
        try:
            source = apple_yaml.loads(text) if path.suffix == ".yaml" else json.loads(text)
        except ValueError as error:
            raise SystemExit(f"catalogue: {path}: {error}") from error
        entry = _entry_of_apple(kind, path.name.removesuffix(path.suffix), source)
        entries[entry_id(entry)] = entry
    if not entries:
        raise SystemExit(f"catalogue: {folder} holds nothing in Apple's layout")
    return entries


def read_facts(folder):
    """Every entry of the facts: one JSON file a group."""
    entries = {}
    for file, group, kind, name in (
        ("commands", "commands", "command", "request_type"), ("profiles", "profiles", "payload", "payload_type"),
        ("declarations", "declarations", "declaration", "declaration_type"),
        ("declarations", "status_items", "status", "status_item"), ("declarations", "protocol", "message", "message"),
        ("checkin", "checkin", "checkin", "message_type"), ("checkin", "errors", "document", "name"),
        ("checkin", "other", "document", "name"),
    ):
        for source in json.loads((pathlib.Path(folder) / f"{file}.json").read_text(encoding="utf-8"))[group]:
            entry = _entry_of_facts(kind, source[name], source)
            entries[entry_id(entry)] = entry
    return entries


def entry_id(entry):
    """What makes an entry the same in both inputs."""
    return entry["kind"], entry["name"], entry["variant"]


def _entry_of_apple(kind, stem, source):
    payload = source.get("payload", {})
    name = next((payload[word] for word in _NAMES if word in payload), None)
    if kind == "document":
        name = _DOCUMENTS.get(stem, stem)
    if kind == "checkin":
        name = _CHECKINS.get(stem, name or stem)
    keys = source.get("payloadkeys") or []
    return {"kind": kind, "name": name or stem, "variant": _variant(stem), "os": _os_of_apple(payload.get("supportedOS")),
            "apply": payload.get("apply"), "gone": None, "keys": [_key_of_apple(key, ()) for key in keys],
            "answer": [_key_of_apple(key, ()) for key in source.get("responsekeys") or []]}


def _variant(stem):
    """`EnergySaver` of `com.apple.MCX(EnergySaver)`: one payload type described in several files."""
    return stem.split("(", 1)[1].rstrip(")") if "(" in stem else ""


def _os_of_apple(supported):
    result = {}
    for system, said in (supported or {}).items():
        facts = {}
        for word, value in said.items():
            word = _OS_WORDS.get(word, word)
            if word in ("shared_ipad", "user_enrollment"):
                value = {_OS_WORDS.get(one, one): inner for one, inner in value.items() if one != "behavior"}
            facts[word] = value
        result[system] = facts
    return result


def _key_of_apple(source, seen):
    key = {"key": str(source["key"]), "type": source["type"].strip("<>"), "os": _os_of_apple(source.get("supportedOS")),
           "gone": None, "keys": []}
    for word, value in source.items():
        word = _KEY_WORDS.get(word, word)
        if word in _KEY_ATTRIBUTES and value is not None:
            key[word] = value
    subkeys = source.get("subkeys") or []
    if id(subkeys) not in seen:
        key["keys"] = [_key_of_apple(one, (*seen, id(subkeys))) for one in subkeys]
    return _tidy(key)


def _entry_of_facts(kind, name, source):
    stem = pathlib.PurePosixPath(source.get("file") or "").name
    keys = source.get("request_keys") or source.get("keys") or source.get("value") or []
    return {"kind": kind, "name": name, "variant": _variant(stem.removesuffix(".yaml")), "os": source.get("supported_os") or {},
            "apply": source.get("apply"), "gone": source.get("removed_in"), "keys": [_key_of_facts(key) for key in keys],
            "answer": [_key_of_facts(key) for key in source.get("response_keys") or []]}


def _key_of_facts(source):
    key = {"key": str(source.get("key") or source.get("code")), "type": source["type"], "os": source.get("supported_os") or {},
           "gone": source.get("removed_in"), "keys": [_key_of_facts(one) for one in source.get("subkeys") or []]}
    key.update({word: source[word] for word in _KEY_ATTRIBUTES if source.get(word) is not None})
    return _tidy(key)


def _tidy(key):
    """Mends what the sources write in more than one way."""
    if key["type"] not in ("string", "integer", "real", "number", "boolean", "date", "data", "array", "dictionary"):
        key["type"] = "any"
    if key["type"] == "number":
        key["type"] = "real"
    if key["type"] == "boolean" and key.get("default") in ("true", "false"):
        key["default"] = key["default"] == "true"
    if "subtype" in key:
        key["subtype"] = key["subtype"].strip("<>")
    return key


def merge(base, overlay, tell):
    """Both inputs as one, in the order of kind and name. `tell` receives a line for each difference."""
    merged = {}
    for ident in sorted({*base, *overlay}):
        under, over = base.get(ident), overlay.get(ident)
        where = " ".join(part for part in ident if part)
        if under is None or over is None:
            if over is None:
                tell(f"only in the folder: {where}")
            merged[ident] = under or over
            continue
        entry = dict(over)
        entry["os"] = _merge_os(under["os"], over["os"], where, tell)
        entry["apply"] = over["apply"] or under["apply"]
        entry["keys"] = _merge_keys(under["keys"], over["keys"], where, tell)
        entry["answer"] = _merge_keys(under["answer"], over["answer"], f"{where} (answer)", tell)
        merged[ident] = entry
    return merged


def _merge_os(under, over, where, tell):
    result = {}
    for system in {**under, **over}:
        here = {**under.get(system, {}), **over.get(system, {})}
        if here.get("introduced") == "n/a":
            here = {"introduced": "n/a"}
        for word, value in under.get(system, {}).items():
            if here.get(word, value) != value and not isinstance(value, dict):
                tell(f"{where}: {system} {word}: the folder says {value}, the facts {here[word]}")
        for word in ("shared_ipad", "user_enrollment"):
            if word in here and word in under.get(system, {}):
                here[word] = {**under[system][word], **here[word]}
        result[system] = here
    return result


def _merge_keys(under, over, where, tell):
    one_item = len(under) == 1 == len(over)
    known = {key["key"]: key for key in under}
    result = []
    for key in over:
        other = under[0] if one_item else known.pop(key["key"], None)
        if one_item:
            known.clear()
        if other is not None:
            key = _merge_key(other, key, f"{where}: {key['key']}", tell)
        result.append(key)
    for key in known.values():
        tell(f"{where}: only in the folder: {key['key']}")
        result.append(key)
    return result


def _merge_key(under, over, where, tell):
    key = dict(over)
    for word in ("type", *_KEY_ATTRIBUTES):
        # Where the overlay says which values are right, it says it whole.
        silent = word not in over and not (word in ("enum", "range") and {"enum", "range"} & set(over))
        if silent and word in under and over.get("type") == under["type"]:
            key[word] = under[word]
        elif word in under and over.get(word) != under[word]:
            tell(f"{where}: {word}: the folder says {under[word]}, the facts {over.get(word)}")
    key["os"] = _merge_os(under["os"], over["os"], where, tell)
    if under["type"] == over["type"] and not any(one.get("recursive") for one in over["keys"]):
        key["keys"] = _merge_keys(under["keys"], over["keys"], where, tell) if over["keys"] else over["keys"]
    return key
