"""Certificate authorities made with the openssl command, as an operator would: each with its own database, so that it can
give certificates any dates and path lengths, and revoke them."""

import os
import subprocess

CONFIG = """\
[ca]
default_ca = own
[own]
dir = {directory}
database = $dir/index.txt
serial = $dir/serial
new_certs_dir = $dir/issued
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
copy_extensions = none
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[authority]
basicConstraints = critical,CA:TRUE{path_length}
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[req]
distinguished_name = name
[name]
"""
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments: str):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError("openssl %s:\n%s" % (" ".join(arguments), done.stderr))


class Authority:
    """`signer` None: a root. `path_length` limits how many authorities may stand below this one."""

    def __init__(self, where: str, name: str, signer: "Authority" = None, path_length: int = -1, **dates):
        self.name, self.signer = name, signer
        self.directory = os.path.join(where, name)
        os.makedirs(os.path.join(self.directory, "issued"))
        self.pem, self.key = self.path("ca.pem"), self.path("ca.key")
        self._write("index.txt", "")
        self._write("serial", os.urandom(8).hex().upper() + "\n")
        self._write("openssl.cnf", CONFIG.format(directory=self.directory,
                                                 path_length=",pathlen:%d" % path_length if path_length >= 0 else ""))
        request = self.path("ca.csr")
        openssl("req", "-new", *KEY, "-config", self.path("openssl.cnf"), "-subj", "/CN=" + name, "-keyout", self.key, "-out", request)
        # The section of its own file holds this authority's path length, whoever signs.
        by = ["-selfsign"] if signer is None else ["-cert", signer.pem, "-keyfile", signer.key]
        self._sign(request, self.pem, *by, "-extensions", "authority", **dates)

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def _write(self, name: str, text: str):
        with open(self.path(name), "w", encoding="ascii") as out:
            out.write(text)

    def _sign(self, request: str, into: str, *more: str, begin: str = "20250101000000Z", end: str = "20450101000000Z"):
        openssl("ca", "-batch", "-notext", "-config", self.path("openssl.cnf"), "-in", request, "-out", into, "-startdate", begin,
                "-enddate", end, *more)

    def issue(self, name: str, file: str = "", **dates) -> "Device":
        """A device's certificate with that common name."""
        base = self.path(file or name.replace(":", "_"))
        openssl("req", "-new", *KEY, "-config", self.path("openssl.cnf"), "-subj", "/CN=" + name, "-keyout", base + ".key", "-out",
                base + ".csr")
        self._sign(base + ".csr", base + ".pem", **dates)
        return Device(self, name, base + ".pem", base + ".key")

    def sign_as(self, device: "Device") -> "Authority":
        """Signs with a device's certificate from now on, which it may not."""
        for name, source in (("ca.pem", device.pem), ("ca.key", device.key)):
            with open(source, encoding="ascii") as text:
                self._write(name, text.read())
        return self

    def revoke(self, pem: str) -> str:
        """The list as it is then."""
        openssl("ca", "-config", self.path("openssl.cnf"), "-revoke", pem)
        openssl("ca", "-config", self.path("openssl.cnf"), "-gencrl", "-out", self.path("crl.pem"))
        return self.path("crl.pem")


class Device:
    def __init__(self, authority: Authority, name: str, pem: str, key: str):
        self.authority, self.name, self.pem, self.key = authority, name, pem, key

    def chain(self, *authorities: Authority) -> str:
        """A file with the certificate and those of the authorities, in their order."""
        path = self.pem[:-4] + "".join("-" + one.name for one in authorities) + ".chain.pem"
        with open(path, "w", encoding="ascii") as out:
            for one in (self.pem, *(one.pem for one in authorities)):
                with open(one, encoding="ascii") as text:
                    out.write(text.read())
        return path
