"""Works out from the facts, and from nothing else, what the catalogue must answer. One JSON document a line.

    expected.py FOLDER_OF_FACTS

Shares no line with the generator or the crate: it reads the facts as they are published.
"""

import json
import pathlib
import sys

RIGHTS = {"AllowInspection": 1, "AllowInstallationRemoval": 2, "AllowPasscodeRemovalAndLock": 4, "DeviceLockAndRemovePasscode": 4,
          "AllowDeviceErase": 8, "AllowQueryDeviceInformation": 16, "AllowQueryNetworkInformation": 32,
          "AllowProvisioningInspection": 64, "AllowProvisioningInstallationRemoval": 128, "AllowQueryApplications": 256,
          "QueryInstalledApps": 256, "AllowQueryRestrictions": 512, "AllowQuerySecurity": 1024, "AllowSettings": 2048,
          "AllowAppInstallation": 4096}
# Keys that Apple asks for in prose only.
PROSE = {"EnableLostMode": {"Message": "Call the hospital"}, "InstallApplication": {"iTunesStoreID": 1},
         "InstallEnterpriseApplication": {"ManifestURL": "https://example.org/a"}, "DeleteUser": {"UserName": "a"},
         "RequestMirroring": {"DestinationName": "a"}, "Settings": {"Settings": [{"Item": "OrganizationInfo"}]},
         "DeviceInformation": {"Queries": ["OSVersion"]}}
# Keys that exclude each other, or whose value has a form that only prose gives.
ALONE = {"InstallApplication": {"Identifier", "ManifestURL"}, "InstallEnterpriseApplication": {"Manifest"},
         "DeleteUser": {"DeleteAllUsers"}, "DeviceLock": {"PIN"}, "EraseDevice": {"PIN"}}
UUID = "9C6E7C66-5D4F-4F3C-9F0A-6C8C6E7C665D"
SAMPLES = {"^[0-9]{6}$": "123456", "^https://.*$": "https://example.org", "^([0-9A-Za-z]{6})|([0-9A-Za-z]{9})$": "abc123",
           "^([0-9A-Fa-f]{2}:){5}([0-9A-Fa-f]{2})$": "00:1A:2B:3C:4D:5E"}


def version(text):
    return tuple(int(part) for part in (str(text).split(".") + ["0", "0"])[:3])


def text_of(numbers):
    return ".".join(str(number) for number in numbers)


def before(numbers):
    major, minor, patch = numbers
    if patch:
        return major, minor, patch - 1
    return (major, minor - 1, 0) if minor else (major - 1, 99, 0)


def supported(said, numbers):
    """Whether a key exists on an OS of which it says this."""
    if said is None:
        return True
    introduced = said.get("introduced")
    if introduced == "n/a":
        return False
    if introduced and introduced != "all" and version(introduced) > numbers:
        return False
    return "removed" not in said or version(said["removed"]) > numbers


def sample(key, system, numbers):
    if key.get("enum"):
        return key["enum"][0]
    kind, inner = key["type"], key.get("subkeys") or []
    if kind == "string":
        if "format" in key:
            return SAMPLES.get(key["format"], UUID)
        return {"<url>": "https://example.org", "<hostname>": "example.org"}.get(key.get("subtype"), "a")
    if kind == "integer":
        return key.get("range", {}).get("min", 1)
    if kind in ("real", "number"):
        return key.get("range", {}).get("min", 1.5)
    if kind == "boolean":
        return False
    if kind == "date":
        return "2026-01-01T00:00:00Z"
    if kind == "data":
        return "AQ=="
    if kind == "array":
        if not inner:
            return []
        return [sample(inner[0], system, numbers)] * inner[0].get("repetition", {}).get("min", 1)
    if kind == "dictionary":
        return required(inner, system, numbers)
    return "a"


def required(keys, system, numbers):
    """The least that satisfies the keys on that OS."""
    return {key["key"]: sample(key, system, numbers) for key in keys
            if key.get("presence") == "required" and not key["key"].startswith("ANY")
            and not gone(key, numbers) and supported(key.get("supported_os", {}).get(system), numbers)}


def gone(thing, numbers):
    return "removed_in" in thing and version(thing["removed_in"]) <= numbers


class Subject:
    """One command, payload type or declaration on one operating system that has it."""

    def __init__(self, what, name, source, system, keys):
        self.what, self.name, self.system, self.keys = what, name, system, keys
        self.said = source["supported_os"][system]
        self.introduced = version(self.said.get("introduced", "1.0"))
        removals = [self.said[word] for word in ("removed",) if word in self.said] + [source.get("removed_in")]
        self.removed = min((version(one) for one in removals if one), default=None)
        self.newest = (27, 2, 0) if self.removed is None else max(self.introduced, before(self.removed))
        shared = self.said.get("shared_ipad", {})
        self.shared = shared.get("mode") == "required" or shared.get("device_channel") is False
        user = shared.get("device_channel") is False if system == "iOS" else self.said.get("device_channel") is False
        scopes = self.said.get("allowed_scopes")
        if scopes is not None:
            scopes = shared.get("allowed_scopes", scopes) if self.shared else scopes
            user = "system" not in scopes
            if user and system == "iOS":
                self.shared = True
        self.facts = {"platform": system, "os_version": text_of(self.newest), "supervised": True, "enrollment": "automated",
                      "channel": "user" if user else "device", "shared_ipad": self.shared if system == "iOS" else False,
                      "access_rights": 8191, "ownership": "corporate", "has_passcode": True}
        if self.shared:
            self.facts["platform"] = "iPadOS"
        if self.said.get("user_enrollment", {}).get("mode") == "required":
            self.facts.update(enrollment="user", supervised=False)
        if "allowed_enrollments" in self.said and "supervised" not in self.said["allowed_enrollments"]:
            self.facts.update(enrollment="device", supervised=False)

    def instance(self, numbers, extra=None):
        made = required(self.keys, self.system, numbers)
        if self.what == "command":
            return {"RequestType": self.name, **made, **PROSE.get(self.name, {}), **(extra or {})}
        if self.what == "payload":
            return {"PayloadType": self.name, "PayloadIdentifier": "a", "PayloadUUID": UUID, "PayloadVersion": 1, **made}
        return {"Type": self.name, "Identifier": "a", "ServerToken": "b", "Payload": made}

    def case(self, why, expected, numbers=None, path=None, extra=None, **facts):
        numbers = numbers or self.newest
        print(json.dumps({"what": self.what, "why": f"{self.name} on {self.system}: {why}", "expected": expected, "path": path,
                          "instance": self.instance(numbers, extra),
                          "facts": {**self.facts, "os_version": text_of(numbers), **facts}}))

    def walk(self):
        self.case("supported", "accepted")
        self.case("supported where it came", "accepted", numbers=self.introduced)
        self.case("nothing is known", "accepted", os_version=None, supervised=None if self.facts["supervised"] else False,
                  access_rights=None, shared_ipad=None, has_passcode=None)
        if self.introduced > (1, 0, 0):
            self.case("too old", "os-too-old", numbers=before(self.introduced))
        if self.removed:
            self.case("removed", "removed", numbers=self.removed)
        if self.said.get("supervised"):
            self.case("not supervised", "not-supervised", supervised=False)
        if self.said.get("requires_dep"):
            self.case("not automated", "not-automated", enrollment="device")
        self.enrollments()
        self.channels()
        right = RIGHTS.get(self.said.get("access_right"))
        if right:
            self.case("right not granted", "access-rights", access_rights=8191 & ~right)

    def enrollments(self):
        mode = self.said.get("user_enrollment", {}).get("mode")
        personal = {"enrollment": "user", "supervised": False, "shared_ipad": False if self.system == "iOS" else None}
        if mode == "forbidden":
            self.case("user enrollment", "enrollment-kind", **personal)
        if mode == "allowed" and not (self.said.get("supervised") or self.said.get("requires_dep") or self.shared):
            self.case("user enrollment", "accepted", **personal)
        if mode == "required":
            self.case("not user enrollment", "enrollment-kind", enrollment="device")
        allowed = self.said.get("allowed_enrollments")
        if allowed is not None and "user" not in allowed:
            self.case("user enrollment", "enrollment-kind", **personal)
        if allowed is not None and "supervised" in allowed and "device" not in allowed:
            self.case("not supervised", "not-supervised", supervised=False, enrollment="device")

    def channels(self):
        shared = self.said.get("shared_ipad", {})
        if self.system == "macOS" and "allowed_scopes" not in self.said:
            for channel, word in (("device", "device_channel"), ("user", "user_channel")):
                if self.said.get(word) is not None:
                    self.case(f"{channel} channel", "accepted" if self.said[word] else "channel", channel=channel)
        if self.system in ("tvOS", "visionOS", "watchOS"):
            self.case("user channel", "channel", channel="user")
        if self.system != "iOS" or "allowed_scopes" in self.said:
            return
        self.case("user channel without Shared iPad", "channel", channel="user", shared_ipad=False)
        if shared.get("mode") == "forbidden":
            self.case("Shared iPad", "shared-ipad", shared_ipad=True, platform="iPadOS")
        if shared.get("mode") == "required":
            self.case("no Shared iPad", "shared-ipad", shared_ipad=False)
        if shared.get("mode") == "allowed":
            for channel, word in (("device", "device_channel"), ("user", "user_channel")):
                if shared.get(word) is not None:
                    extra = self.user_setting() if self.name == "Settings" and channel == "user" else None
                    self.case(f"Shared iPad {channel} channel", "accepted" if shared[word] else "channel", extra=extra,
                              shared_ipad=True, platform="iPadOS", channel=channel)

    def user_setting(self):
        """A setting that the user's channel of a Shared iPad takes."""
        for item in self.keys[0]["subkeys"]:
            said = item.get("supported_os", {}).get("iOS", {})
            shared = said.get("shared_ipad", {})
            if shared.get("mode") != "forbidden" and shared.get("user_channel") and "removed" not in said:
                return {"Settings": [sample(item, "iOS", self.newest)]}
        return {"Settings": []}

    def settings(self):
        """Each item of Settings: taken where it exists, refused with its own path where it does not."""
        for item in self.keys[0]["subkeys"]:
            said = item.get("supported_os", {}).get(self.system, {})
            name, path = item["key"], "Settings[0]"
            extra = {"Settings": [sample(item, self.system, self.newest)]}
            if said.get("introduced") == "n/a":
                self.case(f"setting {name}", "platform", path=path, extra=extra)
                continue
            removal = said.get("removed") or item.get("removed_in")
            newest = before(version(removal)) if removal else self.newest
            shared = said.get("shared_ipad", {}).get("mode") == "required"
            facts = {"shared_ipad": True, "platform": "iPadOS"} if shared else {}
            self.case(f"setting {name}", "accepted", numbers=newest, extra=extra, **facts)
            if removal:
                self.case(f"setting {name}, removed", "removed", numbers=version(removal), path=path, extra=extra, **facts)
            if "introduced" in said and version(said["introduced"]) > self.introduced:
                self.case(f"setting {name}, too old", "os-too-old", numbers=before(version(said["introduced"])), path=path,
                          extra=extra, **facts)
            if said.get("supervised"):
                self.case(f"setting {name}, not supervised", "not-supervised", path=path, extra=extra, supervised=False, **facts)
            if said.get("user_enrollment", {}).get("mode") == "forbidden":
                self.case(f"setting {name}, user enrollment", "enrollment-kind", path=path, extra=extra, enrollment="user")
            if shared:
                self.case(f"setting {name}, no Shared iPad", "shared-ipad", path=path, extra=extra, shared_ipad=False)

    def optional_keys(self):
        """Each key of a command that is not needed: taken where it exists, refused where it does not."""
        for key in self.keys:
            name = key["key"]
            if name in self.instance(self.newest) or name in ALONE.get(self.name, ()):
                continue
            said = key.get("supported_os", {}).get(self.system)
            extra = {name: sample(key, self.system, self.newest)}
            if not supported(said, self.newest) or gone(key, self.newest):
                rule = "platform" if said and said.get("introduced") == "n/a" else "removed"
                self.case(f"with {name}", rule, path=name, extra=extra)
                continue
            self.case(f"with {name}", "accepted", extra=extra)
            if said and "introduced" in said and version(said["introduced"]) > self.introduced:
                self.case(f"with {name}, too old", "os-too-old", numbers=before(version(said["introduced"])), path=name, extra=extra)
            if key["type"] in ("string", "integer", "boolean", "array"):
                wrong = 5 if key["type"] in ("string", "boolean", "array") else "five"
                self.case(f"with a wrong {name}", "wrong-type", path=name, extra={name: wrong})


def main():
    folder = pathlib.Path(sys.argv[1])
    for what, file, group, word, keys in (("command", "commands", "commands", "request_type", "request_keys"),
                                          ("payload", "profiles", "profiles", "payload_type", "keys"),
                                          ("declaration", "declarations", "declarations", "declaration_type", "keys")):
        sources = json.loads((folder / f"{file}.json").read_text())[group]
        names = [source[word] for source in sources]
        for source in sources:
            name = source[word]
            if names.count(name) > 1 or name in ("any", "CommonPayloadKeys", "TopLevel"):
                continue
            for system in ("iOS", "macOS", "tvOS", "visionOS", "watchOS"):
                said = source["supported_os"].get(system)
                if said is None or said.get("introduced") == "n/a":
                    facts = {"platform": system, "os_version": "27.0", "supervised": True, "enrollment": "automated",
                             "channel": "device", "shared_ipad": False, "access_rights": 8191, "ownership": "corporate",
                             "has_passcode": True}
                    envelope = {"command": "RequestType", "payload": "PayloadType", "declaration": "Type"}[what]
                    print(json.dumps({"what": what, "why": f"{name} on {system}: not there", "expected": "platform", "path": "",
                                      "instance": {envelope: name}, "facts": facts}))
                    continue
                subject = Subject(what, name, source, system, source[keys])
                subject.walk()
                if what == "command":
                    subject.optional_keys()
                if name == "Settings":
                    subject.settings()


if __name__ == "__main__":
    main()
