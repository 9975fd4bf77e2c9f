"""Makes the first inputs of the fuzz targets: seeds.py FOLDER writes FOLDER/<target>/<name>.

Property lists by plistlib, certificates and messages by the `openssl` program. Keys live in a temporary folder and are gone
afterwards: the inputs hold certificates and signatures only. Where a target takes its first byte for a choice, every choice is made.
"""

import base64
import json
import pathlib
import plistlib
import subprocess
import sys
import tempfile
import urllib.parse

DEVICE = {"UDID": "00008101-0001", "Topic": "com.apple.mgmt.External.example"}
USER = {**DEVICE, "UserID": "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "UserShortName": "ada@example.org"}

MESSAGES = {
    "authenticate": {**DEVICE, "MessageType": "Authenticate", "SerialNumber": "C02X", "ProductName": "iPad14,8", "OSVersion": "18.7"},
    "token_update": {**DEVICE, "MessageType": "TokenUpdate", "Token": b"\x01" * 32, "PushMagic": "magic", "UnlockToken": b"unlock", "AwaitingConfiguration": True},
    "user_token": {**USER, "MessageType": "TokenUpdate", "Token": b"\x02" * 32, "PushMagic": "magic", "NotOnConsole": False},
    "user_enrollment": {"EnrollmentID": "E-1", "EnrollmentUserID": "U-1", "MessageType": "CheckOut", "Topic": "com.apple.mgmt.x"},
    "bootstrap": {**DEVICE, "MessageType": "SetBootstrapToken", "BootstrapToken": b"bootstrap"},
    "user_authenticate": {**USER, "MessageType": "UserAuthenticate", "DigestResponse": "Digest username=\"a\""},
    "declarative": {**DEVICE, "MessageType": "DeclarativeManagement", "Endpoint": "status", "Data": b"{\"StatusItems\":{}}"},
    "get_token": {**DEVICE, "MessageType": "GetToken", "TokenServiceType": "com.apple.maid", "TokenParameters": {"PhoneUDID": "x"}},
    "return_to_service": {**DEVICE, "MessageType": "ReturnToService"},
    "idle": {**DEVICE, "Status": "Idle"},
    "not_now": {**DEVICE, "Status": "NotNow", "CommandUUID": "1"},
    "error": {**DEVICE, "Status": "Error", "CommandUUID": "2", "ErrorChain": [{"ErrorCode": 12021, "ErrorDomain": "MCMDMErrorDomain", "LocalizedDescription": "no"}]},
    "information": {**DEVICE, "Status": "Acknowledged", "CommandUUID": "3", "QueryResponses": {"OSVersion": "18.7", "BatteryLevel": 0.5, "DeviceCapacity": 128, "ActivationLockBypassCode": "A-B"}},
    "security": {**DEVICE, "Status": "Acknowledged", "CommandUUID": "4", "SecurityInfo": {"PasscodePresent": True, "FDE_PersonalRecoveryKeyCMS": b"k", "FirewallSettings": {"FirewallEnabled": True}}},
    "profiles": {**DEVICE, "Status": "Acknowledged", "CommandUUID": "5", "ProfileList": [{"PayloadIdentifier": "a", "PayloadUUID": "b", "PayloadContent": [{"PayloadType": "com.apple.mdm"}]}]},
    "applications": {**DEVICE, "Status": "Acknowledged", "CommandUUID": "6", "InstalledApplicationList": [{"Identifier": "org.example", "BundleSize": 1 << 40, "Version": "1"}]},
    "location": {**DEVICE, "Status": "Acknowledged", "CommandUUID": "7", "Latitude": 52.5, "Longitude": 13.4, "Timestamp": "2026-11-23T10:00:00Z"},
}

PROFILE = {"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": "org.example", "PayloadUUID": "1", "PayloadContent": [
    {"PayloadType": "com.apple.wifi.managed", "PayloadIdentifier": "org.example.wifi", "PayloadUUID": "2", "SSID_STR": "ward"}]}
MANAGING = {**PROFILE, "PayloadContent": [{"PayloadType": "com.apple.mdm", "PayloadIdentifier": "m", "PayloadUUID": "3", "ServerURL": "https://x"}]}

COMMANDS = {
    "lock": {"RequestType": "DeviceLock", "Message": "Found? Call us.", "PhoneNumber": "123"},
    "erase": {"RequestType": "EraseDevice", "ReturnToService": {"Enabled": True, "WiFiProfileData": plistlib.dumps(PROFILE)}},
    "install": {"RequestType": "InstallProfile", "Payload": plistlib.dumps(PROFILE)},
    "settings": {"RequestType": "Settings", "Settings": [{"Item": "DeviceName", "DeviceName": "x"}, {"Item": "Bluetooth", "Enabled": False}]},
    "information": {"RequestType": "DeviceInformation", "Queries": ["OSVersion", "UDID"]},
    "unknown": {"RequestType": "NoSuchCommand", "Nested": [[{"a": [1, 2.5, True, b"x"]}]]},
}

STATUS = {"StatusItems": {"device": {"operating-system": {"version": "18.7"}}, "management": {"declarations": {"configurations": [
    {"identifier": "a", "server-token": "1", "active": True, "valid": "valid", "reasons": []}]}}}, "Errors": [{"StatusItem": "x", "Reasons": [{"Code": "Error"}]}]}


def openssl(*arguments, data=b""):
    """What the program writes."""
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=True).stdout


def messages_of(folder):
    """Certificates, requests and messages, by the choice of the target `cms` that reads them."""
    made = []
    for name, options in {"rsa": ["rsa:2048"], "p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]}.items():
        key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
        subject = f"/CN={name}/UID=com.apple.mgmt.External.{name}"
        openssl("req", "-x509", "-newkey", *options, "-nodes", "-keyout", key, "-out", certificate, "-subj", subject, "-days", 10)
        made.append((3, f"{name}_certificate", openssl("x509", "-in", certificate, "-outform", "DER")))
        made.append((3, f"{name}_pem", certificate.read_bytes()))
        made.append((4, f"{name}_request", openssl("req", "-new", "-key", key, "-subj", subject, "-outform", "DER")))
        for form, more in {"plain": [], "bare": ["-noattr"], "sha1": ["-md", "sha1"], "keyid": ["-keyid"], "stream": ["-stream", "-indef"]}.items():
            sign = ["cms", "-sign", "-binary", "-signer", certificate, "-inkey", key, "-outform", "DER", *more]
            made.append((1, f"{name}_{form}_detached", openssl(*sign, data=b"content")))
            made.append((0, f"{name}_{form}_attached", openssl(*sign, "-nodetach", data=b"content")))
    rsa = folder / "rsa.pem"
    for cipher in ("-des3", "-aes-128-cbc", "-aes-256-cbc"):
        made.append((2, f"envelope{cipher}", openssl("cms", "-encrypt", "-binary", "-outform", "DER", cipher, rsa, data=b"content")))
    made.append((2, "degenerate", openssl("crl2pkcs7", "-nocrl", "-certfile", rsa, "-outform", "DER")))
    made.append((5, "damage", bytes([100, 3]) + b"\x30\x80"))
    return made


def write(folder, target, name, *parts):
    """One input."""
    place = folder / target
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(b"".join(parts))


def write_lists(folder):
    """The inputs that are property lists or JSON."""
    for number, (name, message) in enumerate(MESSAGES.items()):
        write(folder, "plist", name, bytes([number * 3 % 256]), plistlib.dumps(message))
    write(folder, "plist", "entities", b"\x00", b"<!DOCTYPE plist [<!ENTITY a 'b'>]><plist><dict><key>&a;</key><![CDATA[x]]></dict></plist>")
    write(folder, "plist", "deep", b"\x00", b"<plist>" + b"<array>" * 200 + b"</array>" * 200 + b"</plist>")
    for name, command in COMMANDS.items():
        for form in (plistlib.FMT_XML, plistlib.FMT_BINARY):
            write(folder, "command", f"{name}_{form.name}", plistlib.dumps({"CommandUUID": name, "Command": command}, fmt=form))
    for name, profile in {"profile": PROFILE, "managing": MANAGING}.items():
        for form in (plistlib.FMT_XML, plistlib.FMT_BINARY):
            write(folder, "command", f"{name}_{form.name}", plistlib.dumps(profile, fmt=form))
            write(folder, "profile", f"{name}_{form.name}", b"\x01", plistlib.dumps(profile, fmt=form))
    for path in sorted((pathlib.Path(__file__).resolve().parents[2] / "profiles").glob("*.toml")):
        write(folder, "profile", path.stem, b"\x00", path.read_bytes())
    for name, text in {"tokens": "tokens", "items": "declaration-items", "one": "declaration/configuration/org.example/a", "up": "declaration/asset/../../x"}.items():
        write(folder, "declarations", name, text.encode())
    write(folder, "declarations", "status", json.dumps(STATUS).encode())


RULES = (
    "device.platform == 'iPadOS' && place.code == 'W7' && labels.use == 'bedside'",
    "os_at_least(device.os, '26.1') ? has(owner.email) : 'East' in place.path",
    "facts['A.B'].exists(x, x == 2.5) || !(size(facts) > 3) || version('1.2') < version('1.10')",
    "facts.A.all(x, x.a in [1, 2u, -3]) && {'a': [1]}['a'][0] == 1 && device.serial.startsWith(\"C\\u0030\")",
)


def write_rules(folder):
    """Rules for groups, right ones: the fuzzer makes them wrong."""
    for number, rule in enumerate(RULES):
        write(folder, "rule", f"rule{number}", rule.encode())


def write_doors(folder, certificate, signature):
    """The inputs of the door itself: choice bytes, then what the target splits at line feeds."""
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(certificate) + b"-----END CERTIFICATE-----\n"
    plain = base64.b64encode(certificate)
    forms = [b":" + plain + b":", urllib.parse.quote(pem, safe="").encode(), plain + b"," + plain, urllib.parse.quote(pem, safe="+/=").encode(), plain]
    for number, value in enumerate(forms):
        write(folder, "certificate_header", f"form{number}", bytes([number]), value)
    for number, address in enumerate((b"10.0.0.0/8", b"fd00::/8", b"::1", b"192.0.2.1/32")):
        write(folder, "certificate_header", f"network{number}", b"\x05", address)
    for number, message in enumerate(MESSAGES.values()):
        write(folder, "door", f"message{number}", bytes([number % 4, 0]), b"\n" + plistlib.dumps(message))
    write(folder, "door", "signed", b"\x01\x05", base64.b64encode(signature) + b"\n" + plistlib.dumps(MESSAGES["idle"]))
    write(folder, "door", "proxied", b"\x02\x02", forms[1] + b"\n" + plistlib.dumps(MESSAGES["idle"]))
    for name, target in {"link": b"ward_link_abc", "escaped": b"%2e%2e%2fadmin", "profile": b"ward_link_abc/profile", "bad": b"%ff%00"}.items():
        write(folder, "door", name, b"\x05\x00", target)
    query = b"operation=PKIOperation&message=" + urllib.parse.quote(base64.b64encode(signature)).encode()
    write(folder, "door", "scep_get", b"\x06\x00", query)
    write(folder, "door", "scep_post", b"\x07\x00", b"operation=PKIOperation\n" + signature)
    for name in (b"GetCACaps", b"GetCACert&message=Ward"):
        write(folder, "door", name.decode().split("&")[0], b"\x06\x00", b"operation=" + name)


def main():
    folder = pathlib.Path(sys.argv[1])
    write_lists(folder)
    write_rules(folder)
    with tempfile.TemporaryDirectory() as temporary:
        made = messages_of(pathlib.Path(temporary))
    for choice, name, data in made:
        write(folder, "cms", name, bytes([choice]), data)
        if choice in (0, 4):
            write(folder, "scep", name, bytes([1 if choice == 0 else 3]), data)
    by_name = {name: data for _, name, data in made}
    write(folder, "scep", "envelope", b"\x02", by_name["envelope-aes-128-cbc"])
    message = urllib.parse.quote(base64.b64encode(by_name["rsa_plain_attached"])).encode()
    write(folder, "scep", "query", b"\x00operation=PKIOperation&message=" + message)
    write(folder, "scep", "caps", b"\x00operation=GetCACaps")
    write_doors(folder, by_name["p256_certificate"], by_name["p256_plain_detached"])
    print(f"{sum(1 for path in folder.rglob('*') if path.is_file())} inputs in {folder}")


if __name__ == "__main__":
    main()
