"""SCEP clients that others wrote, behind one function: Debian's scepclient, strongSwan's pki, PyScep.

    scep_clients.py enrol CLIENT --url URL --ca FILE --challenge TEXT --folder FOLDER
    scep_clients.py renew CLIENT --url URL --ca FILE --folder FOLDER

Prints JSON: {"ok": true, "certificate": {…}} or {"ok": false, "failure": "…"}. The key and the certificate are in the folder.
"""

import argparse
import json
import os
import pathlib
import subprocess
import urllib.parse
import warnings

import mend_oscrypto
import openssl_cli
import requests
from tls_bridge import TlsBridge


class ScepRefused(Exception):
    """The client did not get a certificate; the text is what it said."""


def _program(arguments, folder, environment=None):
    done = subprocess.run(arguments, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, check=False, timeout=120)
    if done.returncode != 0:
        raise ScepRefused((done.stderr + (b"" if b"\x00" in done.stdout else done.stdout)).decode(errors="replace").strip())
    return done


def _scepclient(request, renew):
    """Debian's scepclient (Go). It sends RenewalReq when it finds a certificate, with the key that it has."""
    folder = request.folder
    # It would send the old request again, challenge included.
    (folder / "csr.pem").unlink(missing_ok=True)
    (folder / "self.pem").unlink(missing_ok=True)
    options = ["-server-url", request.url, "-private-key", "key.pem", "-certificate", "certificate.pem", "-cn", request.common_name]
    options += ["-organization", "Interop"] + ([] if renew else ["-challenge", request.challenge])
    _program(["scepclient", *options], folder, {"SSL_CERT_FILE": os.path.abspath(request.ca)})


def _strongswan(request, renew):
    """strongSwan's pki. It renews with a new key, signed by the old one. Debian 12's takes AES for unsupported, so 3DES it is."""
    folder, parts = request.folder, urllib.parse.urlsplit(request.url)
    key = folder / ("new-key.pem" if renew else "key.pem")
    if not key.exists():
        openssl_cli.make_key(key)
    with TlsBridge(parts.hostname, parts.port or 443, request.ca) as bridge:
        url = f"http://127.0.0.1:{bridge.port}{parts.path}"
        _program(["pki", "--scepca", "--url", url, "--caout", "ca.der", "--raout", "ra.der", "--force"], folder)
        recipient = "ra.der" if (folder / "ra.der").exists() else "ca.der"
        options = ["--url", url, "--in", key.name, "--dn", f"O=Interop, CN={request.common_name}", "--outform", "pem", "--cipher", "des3"]
        options += ["--cacert-enc", recipient, "--cacert-sig", recipient, "--cacert", "ca.der"]
        options += ["--cert", "certificate.pem", "--key", "key.pem"] if renew else ["--password", request.challenge]
        certificate = _program(["pki", "--scep", *options], folder).stdout
    key.replace(folder / "key.pem")
    (folder / "certificate.pem").write_bytes(certificate)


def _pyscep(request, renew):
    """PyScep. It has no renewal of its own."""
    if renew:
        raise ScepRefused("PyScep cannot renew")
    mend_oscrypto.mend()
    warnings.simplefilter("ignore")
    os.environ["REQUESTS_CA_BUNDLE"] = os.path.abspath(request.ca)
    from scep import Client  # only now: what it imports had to be mended

    usage = {"digital_signature", "key_encipherment"}
    key = None
    if (request.folder / "key.pem").exists():
        key = Client.PrivateKey.from_pem((request.folder / "key.pem").read_bytes())
    identity, key = Client.SigningRequest.generate_self_signed(cn=request.common_name, key_usage=usage, private_key=key)
    csr, key = Client.SigningRequest.generate_csr(cn=request.common_name, key_usage=usage, password=request.challenge, private_key=key)
    (request.folder / "key.pem").write_bytes(key.to_pem())
    answer = Client.Client(request.url).enrol(csr=csr, identity=identity, identity_private_key=key)
    if answer.status is not Client.PKIStatus.SUCCESS:
        raise ScepRefused(f"{answer.status.name} {Client.FailInfo(answer.fail_info).name if answer.status.name == 'FAILURE' else ''}")
    own = key.public_key.to_der()
    issued = next(certificate for certificate in answer.certificates if certificate.public_key.to_der() == own)
    (request.folder / "certificate.pem").write_bytes(issued.to_pem())


CLIENTS = {"scepclient": _scepclient, "strongswan": _strongswan, "pyscep": _pyscep}


class ScepRequest:
    """What a client is told: where, whom to trust, the challenge, and the folder for `key.pem` and `certificate.pem`."""

    def __init__(self, url, ca, folder, challenge=None, common_name="interop"):
        self.url, self.ca, self.challenge, self.common_name = url, str(ca), challenge, common_name
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)


def authority(url, ca):
    """The certificates of the SCEP server, as PEM text, the authority among them."""
    answer = requests.get(url, params={"operation": "GetCACert"}, verify=str(ca), timeout=30)
    answer.raise_for_status()
    if answer.headers["Content-Type"] == "application/x-x509-ca-cert":
        return openssl_cli.to_pem(answer.content)
    return openssl_cli.run("pkcs7", "-inform", "DER", "-print_certs", data=answer.content)


def obtain(client, request, renew=False):
    """Gets a certificate with the named client, checks that the authority issued it for TLS clients, and describes it."""
    CLIENTS[client](request, renew)
    certificate, roots = request.folder / "certificate.pem", request.folder / "authority.pem"
    roots.write_bytes(authority(request.url, request.ca))
    openssl_cli.verify_client(certificate, roots)
    return openssl_cli.describe_certificate(certificate)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["enrol", "renew"])
    parser.add_argument("client", choices=sorted(CLIENTS))
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca", required=True, help="PEM file of the root that the server's TLS certificate hangs on")
    parser.add_argument("--challenge", default="")
    parser.add_argument("--folder", required=True)
    parser.add_argument("--common-name", default="interop")
    options = parser.parse_args()
    request = ScepRequest(options.url, options.ca, options.folder, options.challenge, options.common_name)
    try:
        print(json.dumps({"ok": True, "certificate": obtain(options.client, request, options.action == "renew")}))
    except (ScepRefused, openssl_cli.OpenSslError, requests.RequestException, ValueError) as error:
        print(json.dumps({"ok": False, "failure": str(error)}))


if __name__ == "__main__":
    main()
