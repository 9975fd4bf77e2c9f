"""What the simulated device does when it is told to: a few commands done, every other one refused as devices refuse it."""

import plistlib

import openssl_cli

ANSWERS = {
    "DeviceName": "Python's iPad",
    "OSVersion": "18.7",
    "BuildVersion": "22H20",
    "ModelName": "iPad",
    "Model": "MPXK3",
    "ProductName": "iPad14,8",
    "IsSupervised": True,
    "DeviceCapacity": 128.0,
    "AvailableDeviceCapacity": 71.25,
    "BatteryLevel": 0.8,
    "IsMDMLostModeEnabled": False,
}


class Obedience:
    """Carries out commands for a device."""

    def __init__(self, device):
        self._device = device

    def obey(self, kind, command):
        """The keys of the result for a command."""
        action = {
            "DeviceInformation": self._device_information,
            "ProfileList": self._profile_list,
            "InstallProfile": self._install_profile,
            "RemoveProfile": self._remove_profile,
        }.get(kind)
        if action is None:
            return refusal(12021, "MCMDMErrorDomain", f"Unknown command: {kind}")
        try:
            return action(command)
        except Exception as error:  # noqa: BLE001 - a device reports what went wrong, whatever it was
            return refusal(4001, "MCInstallationErrorDomain", f"{type(error).__name__}: {error}")

    def _device_information(self, command):
        known = {**ANSWERS, "UDID": self._device.state["udid"], "SerialNumber": self._device.state["serial"]}
        return {"QueryResponses": {name: known[name] for name in command.get("Queries", known) if name in known}}

    def _profile_list(self, _):
        entries = [{"PayloadContent": [], "PayloadVersion": 1, "PayloadRemovalDisallowed": False, "IsManaged": True,
                    "PayloadOrganization": "Interop", **known} for known in self._device.state["profiles"]]
        return {"ProfileList": entries}

    def _install_profile(self, command):
        payload = command["Payload"]
        content = openssl_cli.verify_attached(payload) if openssl_cli.is_signed(payload) else payload
        profile = plistlib.loads(content)
        if profile["PayloadIdentifier"] == self._device.state["enrollment_profile"]:
            # The same profile again: a renewal of the identity. The answer goes out with the new one.
            whole, scep, mdm = self._device.read_profile(payload)
            self._device.install(whole, scep, mdm, self._device.state["scep_client"])
        elif any(inner["PayloadType"] == "com.apple.mdm" for inner in profile["PayloadContent"]):
            return refusal(4001, "MCInstallationErrorDomain", "The device is managed already")
        else:
            self._device.remember_profile(profile)
        return {}

    def _remove_profile(self, command):
        state, wanted = self._device.state, command["Identifier"]
        kept = [known for known in state["profiles"] if known["PayloadIdentifier"] != wanted]
        if len(kept) == len(state["profiles"]):
            return refusal(12075, "MCMDMErrorDomain", f"The profile {wanted} is not installed")
        state["profiles"] = kept
        return {}


def refusal(code, domain, text):
    """An answer that says no, with a chain of one."""
    return {"Status": "Error", "ErrorChain": [{"ErrorCode": code, "ErrorDomain": domain, "LocalizedDescription": text, "USEnglishDescription": text}]}
