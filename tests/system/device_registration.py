#!/usr/bin/python3
"""How devices come to their logins at the platform stand-in, with the program itself:

 (a) registration over REST: ID, PENDING_ACCEPTANCE, ACCEPTED, credentials, a login as device_<id>; wrong turns refused;
 (b) trusted certificates made with OpenSSL: uploaded, chains checked, switched off, revoked, removed;
 (c) users and tenants that come and go, basic authentication switched per tenant;
 (d) the stand-in slow, failing, silent and down, on these ways too; logins counted by user.

    tests/system/device_registration.py --bin build/release/bin
"""

import argparse
import concurrent.futures
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

from platform_sim import BOOTSTRAP, Authority, PlatformSim, Refused, admin_of, openssl, read, serial_of  # noqa: E402
from stack import ADMIN, DEVICE, TENANT, StackError, default_bin  # noqa: E402


def expect(what: str, got, wanted):
    if got != wanted:
        raise StackError("%s: %r instead of %r" % (what, got, wanted))


def refused(what: str, status: int, call, *arguments, **more):
    try:
        got = call(*arguments, **more)
    except Refused as no:
        expect(what, no.status, status)
        if not no.error or not no.message:
            raise StackError("%s: the error body is not the platform's: %s" % (what, no)) from no
        return
    raise StackError("%s: %r instead of a refusal" % (what, got))


def registration(sim: PlatformSim):
    expect("new request", sim.register("dev-7")["status"], "WAITING_FOR_CONNECTION")
    refused("the same ID again", 422, sim.register, "dev-7")
    refused("acceptance before the device asked", 422, sim.accept, "dev-7")
    expect("credentials before acceptance", sim.ask_credentials("dev-7"), None)
    expect("status once the device asked", sim.registration("dev-7")["status"], "PENDING_ACCEPTANCE")
    refused("credentials for others than the bootstrap user", 403, sim.ask_credentials, "dev-7", login=admin_of(TENANT))
    refused("a wrong bootstrap password", 401, sim.ask_credentials, "dev-7", login=(BOOTSTRAP[0], "wrong"))
    expect("acceptance", sim.accept("dev-7")["status"], "ACCEPTED")
    given = sim.ask_credentials("dev-7")
    expect("tenant and user", (given["tenantId"], given["username"]), (TENANT, "device_dev-7"))
    expect("credentials a second time", sim.ask_credentials("dev-7"), None)
    login = ("%s/device_dev-7" % TENANT, given["password"])
    expect("user", sim.current_user(login)["userName"], "device_dev-7")
    refused("a wrong password", 401, sim.current_user, (login[0], "wrong"))
    expect("logins of that user", sim.logins(login[0]), {"200": 1, "401": 1})
    again = sim.device_login("dev-7")
    expect("user after a second registration", again[0], login[0])
    refused("the old password", 401, sim.current_user, login)
    sim.current_user(again)
    print("registration: credentials after acceptance, once, with a login", flush=True)


def certificates(sim: PlatformSim, directory: str):
    root = Authority(directory, "root")
    low = Authority(directory, "low", root)
    leaf, _ = low.device("dev-8")
    other, _ = root.device("dev-9")
    chain = [read(leaf), low.pem, root.pem]
    refused("a chain that nobody trusts", 401, sim.verify_chain, *chain)
    refused("a device's certificate as authority", 422, sim.trust, read(leaf))
    fingerprint = sim.trust(root.pem, "root")
    wanted = openssl("x509", "-in", root.certificate, "-noout", "-fingerprint", "-sha1").strip().split("=")[1]
    expect("fingerprint", fingerprint, wanted.replace(":", "").lower())
    refused("the same certificate again", 409, sim.trust, root.pem)
    expect("list", [one["fingerprint"] for one in sim.trusted()], [fingerprint])
    expect("the tenant of the chain", sim.verify_chain(*chain), TENANT)
    expect("a leaf alone", sim.verify_chain(read(other)), TENANT)
    sim.change_trusted(fingerprint, {"status": "DISABLED"})
    refused("a disabled anchor", 401, sim.verify_chain, *chain)
    sim.change_trusted(fingerprint, {"status": "ENABLED"})
    sim.revoke(serial_of(low.certificate))
    expect("revocation not checked", sim.verify_chain(*chain), TENANT)
    sim.set_option("configuration", "crl.offline.check.enabled", "true")
    refused("a revoked signer", 401, sim.verify_chain, *chain)
    expect("another chain", sim.verify_chain(read(other), root.pem), TENANT)
    told = openssl("crl", "-inform", "DER", "-noout", "-text", stdin=sim.revocation_list())
    if serial_of(low.certificate) not in told:
        raise StackError("the revocation list does not name %s:\n%s" % (serial_of(low.certificate), told))
    sim.distrust(fingerprint)
    refused("a removed anchor", 401, sim.verify_chain, read(other), root.pem)
    print("certificates: uploaded, checked, disabled, revoked, removed", flush=True)


def users(sim: PlatformSim):
    login = ("t0900/dev", "first")
    refused("an unknown tenant", 401, sim.current_user, login)
    sim.put_user("t0900", "dev", "first")
    sim.put_user("t0900", *ADMIN)
    expect("tenant on first use", sim.call("GET", "/tenant/currentTenant", None, login)["name"], "t0900")
    expect("a device of that tenant", sim.device_login("dev-10", "t0900")[0], "t0900/device_dev-10")
    sim.put_user("t0900", "dev", "second")
    refused("the old password", 401, sim.current_user, login)
    sim.current_user(("t0900/dev", "second"))
    sim.set_feature("mqtt-service.basic-authentication", False, "t0900")
    toggle = "/features/mqtt-service.basic-authentication"
    expect("toggle there", sim.call("GET", toggle, None, ("t0900/dev", "second"))["active"], False)
    expect("toggle elsewhere", sim.call("GET", toggle)["active"], True)
    sim.remove_user("t0900", "dev")
    refused("a removed user", 401, sim.current_user, ("t0900/dev", "second"))
    print("users: a tenant on first use, passwords changed, users removed, basic authentication off", flush=True)


def bad_days(sim: PlatformSim):
    login = ("%s/%s" % (TENANT, DEVICE[0]), DEVICE[1])
    sim.faults(down=True)
    refused("a login when down", 503, sim.current_user, login)
    refused("credentials when down", 503, sim.ask_credentials, "dev-7")
    expect("logins while down", sim.logins(login[0]), {})
    sim.faults(down=False, failShare=1, path="/user/")
    refused("a failing login", 500, sim.current_user, login)
    expect("certificates beside it", sim.trusted(), [])
    sim.faults(failShare=0, hangShare=1)
    try:
        sim.request("GET", "/user/currentUser", login=login, timeout=0.5)
        raise StackError("an answer though none was to be given")
    except OSError:
        pass  # no answer in time
    sim.faults(hangShare=0, delayMs=100, path="")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for user in pool.map(lambda _: sim.current_user(login)["userName"], range(8)):
            expect("a late login", user, DEVICE[0])
    expect("logins of that user", sim.logins(login[0]), {"200": 8})
    sim.faults(delayMs=0)
    sim.kill()
    try:
        sim.current_user(login)
        raise StackError("an answer of a dead platform")
    except ConnectionError:
        pass
    except OSError as no:
        if not isinstance(getattr(no, "reason", None), ConnectionRefusedError):
            raise
    sim.start()
    sim.current_user(login)
    print("bad days: down, failing, silent, late, dead and back; 8 logins counted", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=default_bin())
    given = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="system-test-")
    with PlatformSim(given.bin, os.path.join(directory, "platform-sim.log")) as sim:
        registration(sim)
        certificates(sim, directory)
        users(sim)
        bad_days(sim)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
