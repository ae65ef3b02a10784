"""Certificates for tests: the server's by the project's own script, authorities and devices with OpenSSL's command line."""

import os
import subprocess

_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "deploy", "lib", "certificates.sh")


def make_server_certificate(directory: str):
    """ca.pem, ca.key, server.pem, server.key for localhost and 127.0.0.1."""
    subprocess.run(["bash", "-c", '. "$1"; make_certificates "$2"', "bash", _SCRIPT, directory], check=True, timeout=60)


def openssl(directory: str, *arguments: str) -> str:
    """Runs `openssl ARGUMENTS` in the directory; what it printed. What it complained of is the error's text."""
    done = subprocess.run(["openssl", *arguments], cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError("openssl %s: %s" % (" ".join(arguments), done.stderr.strip()))
    return done.stdout


class Authority:
    """A CA of a tenant's devices: `<name>.pem`, and for each device `<device>.pem` and `<device>.key` (P-256)."""

    def __init__(self, directory: str, name: str):
        self.directory, self.name = directory, name
        openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", "/CN=" + name, "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                "-keyout", name + ".key", "-out", name + ".pem")

    def anchor(self) -> str:
        """Its entry in `trust_anchors` of a file of tenants."""
        return "{ name: %s, file: %s.pem, enabled: true, auto_registration: true }" % (self.name, self.name)

    def device(self, name: str):
        """(certificate file, key file) with the common name `name`."""
        openssl(self.directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
                "-keyout", name + ".key", "-out", name + ".csr")
        openssl(self.directory, "x509", "-req", "-in", name + ".csr", "-CA", self.name + ".pem", "-CAkey", self.name + ".key",
                "-CAcreateserial", "-days", "30", "-out", name + ".pem")
        return os.path.join(self.directory, name + ".pem"), os.path.join(self.directory, name + ".key")
