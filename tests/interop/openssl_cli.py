"""The few things for which the simulated device calls the `openssl` program: keys, signatures, certificates."""

import subprocess


class OpenSslError(Exception):
    """The program said no; the text is what it said."""


def run(*arguments, data=b""):
    """Runs `openssl` with the arguments, `data` on its standard input, and returns what it wrote."""
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=False)
    if done.returncode != 0:
        raise OpenSslError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def make_key(path, bits=2048):
    """Writes an RSA key in the traditional form, which every SCEP client here reads."""
    run("genrsa", "-traditional", "-out", path, bits)


def sign_detached(body, certificate, key, digest="sha256", attributes=True):
    """The detached DER signature of `body`, the certificate inside: what stands in `Mdm-Signature`."""
    options = [] if attributes else ["-noattr"]
    return run("cms", "-sign", "-binary", "-signer", certificate, "-inkey", key, "-md", digest, "-outform", "DER", *options, data=body)


def verify_attached(signed, ca_file=None):
    """The content of a signed message. Without `ca_file` only the signature counts, not who made it."""
    trust = ["-CAfile", ca_file] if ca_file else ["-noverify"]
    return run("cms", "-verify", "-binary", "-inform", "DER", *trust, data=signed)


def is_signed(data):
    """Whether the bytes are a signed message rather than a property list."""
    return data[:1] == b"\x30"


def describe_certificate(path):
    """Subject, serial number, fingerprint and end of a certificate file."""
    lines = run("x509", "-in", path, "-noout", "-subject", "-serial", "-enddate", "-fingerprint", "-sha256", "-nameopt", "RFC2253").decode()
    values = dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)
    fingerprint = next(value for name, value in values.items() if name.lower().startswith("sha256"))
    return {
        "subject": values["subject"].strip(),
        "serial": values["serial"].lower(),
        "not_after": values["notAfter"],
        "fingerprint": fingerprint.replace(":", "").lower(),
    }


def to_pem(der):
    """A DER certificate as PEM text."""
    return run("x509", "-inform", "DER", "-outform", "PEM", data=der)


def verify_client(certificate, ca_file):
    """Refuses a certificate that the authority in `ca_file` did not issue for TLS clients."""
    run("verify", "-purpose", "sslclient", "-CAfile", ca_file, certificate)
