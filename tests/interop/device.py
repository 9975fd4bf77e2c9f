"""A simulated device that shares no line with Ward: plistlib, requests, the `openssl` program and other people's SCEP clients.

    device.py --folder FOLDER --ca FILE enrol --link URL     fetch the profile, get an identity, Authenticate, TokenUpdate
    device.py --folder FOLDER --ca FILE session              poll and obey until there is nothing more
    device.py --folder FOLDER --ca FILE probe other-udid     knock in a way that must be refused
    device.py --folder FOLDER --ca FILE check-out
    device.py --folder FOLDER --ca FILE profile --link URL   only read the profile

The folder is the device: its key, its certificate, what it remembers. Prints JSON of what happened; a test asserts on that.
"""

import argparse
import base64
import json
import pathlib
import plistlib
import sys
import uuid

import openssl_cli
import requests
from obedience import Obedience
from scep_clients import ScepRequest, authority, obtain

CHECK_IN = "application/x-apple-aspen-mdm-checkin"
COMMAND = "application/x-apple-aspen-mdm; charset=UTF-8"
PROFILE = "application/x-apple-aspen-config"


class DeviceError(Exception):
    """The server did what no device would accept; the text says what."""


class Device:
    """One simulated iPad, kept in a folder."""

    def __init__(self, folder, ca, identity="both", digest="sha256", attributes=True):
        self.folder, self.ca = pathlib.Path(folder), str(ca)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.identity, self.digest, self.attributes = identity, digest, attributes
        self.events = []
        remembered = self.folder / "state.json"
        self.state = json.loads(remembered.read_text()) if remembered.exists() else self._new()

    @staticmethod
    def _new():
        return {"udid": str(uuid.uuid4()).upper(), "serial": f"PY{uuid.uuid4().hex[:10].upper()}", "profiles": [], "not_now_said": []}

    def save(self):
        """Writes what the device remembers."""
        (self.folder / "state.json").write_text(json.dumps(self.state, indent=1))

    # Enrolment

    def fetch_profile(self, link):
        """Opens the page of the link as a phone would, then the profile behind it, and returns the signed bytes."""
        page = requests.get(link, verify=self.ca, timeout=30)
        self.events.append({"page": page.status_code, "type": page.headers.get("Content-Type", "")})
        if page.status_code != 200:
            raise DeviceError(f"the page answered {page.status_code}")
        path = link.split("?")[0].rstrip("/") + "/profile"
        answer = requests.get(path, verify=self.ca, timeout=30)
        self.events.append({"profile": answer.status_code, "type": answer.headers.get("Content-Type", "")})
        if answer.status_code != 200 or answer.headers.get("Content-Type") != PROFILE:
            raise DeviceError(f"the profile answered {answer.status_code} {answer.headers.get('Content-Type')}")
        return answer.content

    def read_profile(self, signed):
        """Verifies the profile and takes the payloads out: (the whole, the SCEP payload, the MDM payload)."""
        if not openssl_cli.is_signed(signed):
            raise DeviceError("the profile is not signed")
        (self.folder / "enrollment.mobileconfig").write_bytes(signed)
        whole = plistlib.loads(openssl_cli.verify_attached(signed))
        payloads = whole["PayloadContent"]
        scep, mdm = (_only(payloads, kind) for kind in ("com.apple.security.scep", "com.apple.mdm"))
        if mdm["IdentityCertificateUUID"] != scep["PayloadUUID"]:
            raise DeviceError("the MDM payload names an identity that the profile does not have")
        # The signer's chain: what the profile itself brings, and what the TLS connection trusted.
        roots = b"".join(openssl_cli.to_pem(payload["PayloadContent"]) for payload in payloads if "PayloadCertificateFileName" in payload
                         or payload["PayloadType"] in ("com.apple.security.root", "com.apple.security.pkcs1"))
        trusted = self.folder / "trusted.pem"
        trusted.write_bytes(roots + pathlib.Path(self.ca).read_bytes() + authority(scep["PayloadContent"]["URL"], self.ca))
        openssl_cli.verify_attached(signed, trusted)
        return whole, scep, mdm

    def enrol(self, link, scep_client="pyscep"):
        """Does all that a device does between the tap on the link and being managed."""
        whole, scep, mdm = self.read_profile(self.fetch_profile(link))
        certificate = self.install(whole, scep, mdm, scep_client)
        self.check_in({"MessageType": "Authenticate", "DeviceName": "Python's iPad", "Model": "MPXK3", "ModelName": "iPad",
                       "OSVersion": "18.7", "BuildVersion": "22H20", "ProductName": "iPad14,8", "SerialNumber": self.state["serial"]})
        self.token_update()
        self.events.append({"identity": certificate})

    def install(self, whole, scep, mdm, scep_client):
        """Takes the profile: gets the identity by SCEP and remembers the addresses."""
        content = scep["PayloadContent"]
        # A new identity takes the place of the old one only when it is there.
        request = ScepRequest(content["URL"], self.ca, self.folder / "next", content["Challenge"], _common_name(content))
        openssl_cli.make_key(request.folder / "key.pem", content["Keysize"])
        (request.folder / "certificate.pem").unlink(missing_ok=True)
        certificate = obtain(scep_client, request)
        for name in ("key.pem", "certificate.pem"):
            (request.folder / name).replace(self.folder / name)
        self.state.update(scep_client=scep_client, server_url=mdm["ServerURL"], check_in_url=mdm.get("CheckInURL", mdm["ServerURL"]),
                          topic=mdm["Topic"], sign=bool(mdm.get("SignMessage")), enrollment_profile=whole["PayloadIdentifier"])
        self.remember_profile(whole)
        return certificate

    def remember_profile(self, profile):
        """Puts the profile in the list of those installed, in the place of one with the same identifier."""
        entry = {name: profile[name] for name in ("PayloadIdentifier", "PayloadUUID")}
        entry["PayloadDisplayName"] = profile.get("PayloadDisplayName", "")
        others = [known for known in self.state["profiles"] if known["PayloadIdentifier"] != entry["PayloadIdentifier"]]
        self.state["profiles"] = others + [entry]

    # Messages

    def token_update(self):
        """Tells the server where to push."""
        self.state.setdefault("token", uuid.uuid4().hex * 2)
        self.state.setdefault("magic", str(uuid.uuid4()).upper())
        self.check_in({"MessageType": "TokenUpdate", "Token": bytes.fromhex(self.state["token"]), "PushMagic": self.state["magic"],
                       "UnlockToken": b"unlock " + self.state["serial"].encode()})

    def check_out(self):
        """Says good-bye."""
        self.check_in({"MessageType": "CheckOut"})

    def check_in(self, message):
        """Sends a check-in; anything but 200 ends the matter, as it does for a device."""
        body = plistlib.dumps({**message, "Topic": self.state["topic"], "UDID": self.state["udid"]})
        answer = self.send(self.state["check_in_url"], body, CHECK_IN)
        self.events.append({"sent": message["MessageType"], "status": answer.status_code, "bytes": len(answer.content)})
        if answer.status_code != 200:
            raise DeviceError(f"{message['MessageType']} was answered {answer.status_code}: {answer.text.strip()}")

    def send(self, url, body, content_type, headers=None, identity=None, signed_body=None):
        """One PUT with the identity of the device: by TLS, by `Mdm-Signature`, or both."""
        identity = identity or self.identity
        files = (self.folder / "certificate.pem", self.folder / "key.pem")
        headers = {"Content-Type": content_type, "User-Agent": "MDM/1.0", **(headers or {})}
        if identity in ("signature", "both"):
            signature = openssl_cli.sign_detached(signed_body or body, *files, self.digest, self.attributes)
            headers["Mdm-Signature"] = base64.b64encode(signature).decode()
        client = tuple(map(str, files)) if identity in ("tls", "both") else None
        return requests.put(url, data=body, headers=headers, cert=client, verify=self.ca, timeout=60, allow_redirects=False)

    # Commands

    def session(self, not_now=(), duplicate=False):
        """Polls, obeys and answers until the server has nothing more. Returns the number of commands that came."""
        obedience = Obedience(self)
        report, commands = {"Status": "Idle"}, 0
        while True:
            answer = self.report(report)
            if duplicate and "CommandUUID" in report:
                # The reply got lost on the way, as far as the device knows: it sends the result once more.
                answer = self.report(report)
            if not answer.content:
                return commands
            commands += 1
            if commands > 200:
                raise DeviceError("the server never stops sending commands")
            report = self._obey(plistlib.loads(answer.content), obedience, not_now)

    def _obey(self, envelope, obedience, not_now):
        command, command_uuid = envelope["Command"], envelope["CommandUUID"]
        kind = command["RequestType"]
        if kind in not_now and command_uuid not in self.state["not_now_said"]:
            self.state["not_now_said"].append(command_uuid)
            return {"Status": "NotNow", "CommandUUID": command_uuid, "RequestType": kind}
        result = obedience.obey(kind, command)
        return {"Status": "Acknowledged", **result, "CommandUUID": command_uuid, "RequestType": kind}

    def report(self, report):
        """Sends a report and checks the form of the answer."""
        echoed = {name: value for name, value in report.items() if name != "RequestType"}
        answer = self.send(self.state["server_url"], plistlib.dumps({**echoed, "UDID": self.state["udid"]}), COMMAND)
        event = {"sent": report["Status"], "status": answer.status_code, "request_type": report.get("RequestType"),
                 "command_uuid": report.get("CommandUUID"), "received": None}
        self.events.append(event)
        if answer.status_code != 200:
            raise DeviceError(f"{report['Status']} was answered {answer.status_code}: {answer.text.strip()}")
        if answer.content:
            envelope = plistlib.loads(answer.content)
            event.update(received=envelope["Command"]["RequestType"], received_uuid=envelope["CommandUUID"])
        return answer

    # What must be refused

    def probe(self, kind):
        """Sends an Idle that a server must not take for this device's, and notes status and length of the answer."""
        body = plistlib.dumps({"Status": "Idle", "UDID": self.state["udid"]})
        url = self.state["server_url"]
        if kind == "other-udid":
            answer = self.send(url, plistlib.dumps({"Status": "Idle", "UDID": str(uuid.uuid4()).upper()}), COMMAND)
        elif kind == "no-identity":
            answer = self.send(url, body, COMMAND, identity="none")
        elif kind == "tampered":
            answer = self.send(url, body, COMMAND, identity="signature", signed_body=body + b"\n")
        elif kind == "no-content-type":
            answer = self.send(url, body, None)
        else:
            answer = self.send(url, b"<plist><dict>" * 3000, COMMAND)
        self.events.append({"probe": kind, "status": answer.status_code, "bytes": len(answer.content)})


def _only(payloads, kind):
    found = [payload for payload in payloads if payload["PayloadType"] == kind]
    if len(found) != 1:
        raise DeviceError(f"the profile has {len(found)} payloads of the type {kind}")
    return found[0]


def _common_name(content):
    names = [value for group in content.get("Subject", []) for kind, value in group if kind in ("CN", "2.5.4.3")]
    return names[0] if names else "interop"


def _describe_profile(device, link):
    whole, scep, mdm = device.read_profile(device.fetch_profile(link))
    content = scep["PayloadContent"]
    return {"identifier": whole["PayloadIdentifier"], "uuid": whole["PayloadUUID"], "types": [p["PayloadType"] for p in whole["PayloadContent"]],
            "scep": {"url": content["URL"], "challenge": content["Challenge"], "subject": content["Subject"], "key_size": content["Keysize"]},
            "mdm": {name: value for name, value in mdm.items() if isinstance(value, (str, int, list))}}


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--ca", required=True, help="PEM file of the root that the server's TLS certificate hangs on")
    parser.add_argument("--identity", choices=["tls", "signature", "both"], default="both")
    parser.add_argument("--digest", default="sha256", help="digest of the signatures")
    parser.add_argument("--no-attributes", action="store_true", help="signatures without signed attributes")
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("enrol", "profile"):
        action = actions.add_parser(name)
        action.add_argument("--link", required=True)
        action.add_argument("--scep", default="pyscep", help="scepclient, strongswan or pyscep")
    session = actions.add_parser("session")
    session.add_argument("--not-now", action="append", default=[], metavar="REQUEST_TYPE")
    session.add_argument("--duplicate", action="store_true")
    probe = actions.add_parser("probe")
    probe.add_argument("kind", choices=["other-udid", "no-identity", "tampered", "no-content-type", "deep"])
    for name in ("check-out", "token-update"):
        actions.add_parser(name)
    return parser.parse_args()


def main():
    options = _arguments()
    device = Device(options.folder, options.ca, options.identity, options.digest, not options.no_attributes)
    answer = {"ok": True}
    try:
        if options.action == "enrol":
            device.enrol(options.link, options.scep)
        elif options.action == "profile":
            answer["profile"] = _describe_profile(device, options.link)
        elif options.action == "session":
            answer["commands"] = device.session(options.not_now, options.duplicate)
        elif options.action == "probe":
            device.probe(options.kind)
        elif options.action == "check-out":
            device.check_out()
        else:
            device.token_update()
    except Exception as error:  # noqa: BLE001 - whatever a client of others throws belongs in the report
        answer.update(ok=False, failure=f"{type(error).__name__}: {error}")
    device.save()
    answer.update(events=device.events, udid=device.state["udid"], serial=device.state["serial"], profiles=device.state["profiles"])
    if (device.folder / "certificate.pem").exists():
        answer["certificate"] = openssl_cli.describe_certificate(device.folder / "certificate.pem")
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
