#!/usr/bin/python3
"""The management REST of the real mqtt-messaging, every answer held against the OpenAPI document that it serves.

    tests/system/notification2/management.py --program build/dev/bin/mqtt-messaging
"""

import argparse
import asyncio
import base64
import json
import sys
import time

import messaging_process
from messaging_process import Messaging
import notification2_client as n2
from openapi_check import Checked, Document, quote

messaging_process.TENANTS = """\
tenants:
  management:
    users:
      operator: { password: { plain: operator-secret }, roles: [ROLE_TENANT_MANAGEMENT_ADMIN] }
      watcher: { password: { plain: watcher-secret }, roles: [ROLE_TENANT_STATISTICS_READ] }
  t0815:
    store: { topics_per_tenant: 500 }
    users:
      admin:   { password: { plain: admin-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN, ROLE_TENANT_ADMIN] }
      viewer:  { password: { plain: viewer-secret }, roles: [ROLE_TENANT_STATISTICS_READ] }
      device1: { password: { plain: device1-secret } }
  t0816:
    users:
      admin:   { password: { plain: other-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN, ROLE_TENANT_ADMIN] }
"""
TENANT = "/management/tenants/t0815"


class World:
    def __init__(self, program: str):
        self.messaging = Messaging(program)
        self.messaging.start()
        self.use_document()

    def use_document(self):
        self.document = Document(self.messaging.http)
        self.admin = self.user("t0815/admin", "admin-secret")
        self.viewer = self.user("t0815/viewer", "viewer-secret")
        self.operator = self.user("management/operator", "operator-secret")
        self.watcher = self.user("management/watcher", "watcher-secret")
        self.other = self.user("t0816/admin", "other-secret")
        self.nobody = Checked(self.document, self.messaging.http)

    def user(self, name, password):
        return Checked(self.document, self.messaging.http, name, password)

    def restart(self, kill=True):
        seen = self.document.seen
        self.messaging.kill() if kill else self.messaging.stop()
        self.messaging.start()
        self.use_document()
        self.document.seen |= seen


def topic(name, space="mqtt"):
    return TENANT + "/topics/" + space + "/" + quote(name)


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def subscriptions_of(world, name):
    return world.admin.get(TENANT + "/subscriptions?topic=" + quote(name))["subscriptions"]


def documents_the_program(world):
    """Every documented path answers other methods with 405 and exactly the documented ones."""
    world.document.validate({"$ref": "#/components/schemas/Error"}, {"error": "a/b", "message": "c", "info": "d"})
    for path, methods in world.document.root["paths"].items():
        if not path.startswith("/management"):
            continue
        target = path.replace("{tenant}", "t0815").replace("{namespace}", "mqtt").replace("{topic}", "a").replace("{id}", "1")
        documented = {method.upper() for method in methods if method != "parameters"}
        for method in ("GET", "PUT", "POST", "DELETE", "PATCH"):
            if method in documented:
                status, _, body = world.nobody.raw(method, target)
                assert status == 401, (method, target, status)
                world.document.check_answer(method, target, status, "application/json", body)
                continue
            status, headers, body = world.admin.raw(method, target)
            assert status == 405, (method, target, status)
            assert {one.strip() for one in headers["Allow"].split(",")} == documented, (target, headers["Allow"])
            assert json.loads(body)["error"] == "messaging-management/Method Not Allowed"
    for target in ("/management", "/management/none", TENANT + "/none", "/managementx"):
        status, _, body = world.admin.raw("GET", target)
        assert status == 404 and json.loads(body)["message"], (target, status)


def roles(world):
    """Viewers see, administrators change, operators reach every tenant, devices nothing."""
    device = world.user("t0815/device1", "device1-secret")
    wrong = world.user("t0815/admin", "wrong")
    for method, path, operation in world.document.operations():
        if not path.startswith("/management"):
            continue
        target = path.replace("{tenant}", "t0815").replace("{namespace}", "mqtt").replace("{topic}", "a").replace("{id}", "1")
        body = {} if method in ("PUT", "POST") else None
        device.call(method, target, body, expect=403)
        description = operation["description"]
        if description.startswith("Operators only"):
            world.admin.call(method, target, body, expect=403)
        if "ROLE_TENANT_STATISTICS_READ" not in description:
            world.viewer.call(method, target, body, expect=403)
            world.watcher.call(method, target, body, expect=403)
        if "{tenant}" in path:  # another's, whether it exists or not
            for tenant in ("t0815", "no-such-tenant"):
                world.other.call(method, target.replace("t0815", tenant), body, expect=403)
    wrong.get(TENANT + "/topics", expect=401)  # once: more would be throttled
    world.viewer.get(TENANT + "/topics")
    world.watcher.get("/management/tenants")


def an_empty_tenant(world):
    """Before anything happened lists are empty, and an operator asking for a tenant nobody knows hears so."""
    for what in ("topics", "subscriptions"):
        page = world.admin.get(TENANT + "/" + what)
        assert page[what] == [] and page["statistics"]["totalElements"] == 0, page
    assert world.admin.get(TENANT)["features"] == []
    world.operator.get("/management/tenants/unknown/topics", expect=404)
    world.operator.get("/management/tenants/unknown/subscriptions", expect=404)
    world.operator.get("/management/tenants/unknown", expect=404)
    world.admin.get(topic("none"), expect=404)
    world.admin.get(topic("none") + "/messages", expect=404)
    world.admin.call("DELETE", topic("none"), expect=404)
    world.admin.get(TENANT + "/subscriptions/77", expect=404)
    world.admin.get(TENANT + "/subscriptions/x", expect=404)
    world.admin.call("DELETE", TENANT + "/subscriptions/77", expect=404)


def messages(world):
    """What is published is durable, seen without being consumed, and there after SIGKILL; then a consumer gets it."""
    name = "plant/line 1/\u00e4"
    answer = world.admin.call("POST", topic(name) + "/messages", {"payloadText": "nobody"}, expect=200)
    assert answer["stored"] is False and answer["reason"]
    made = world.admin.call("POST", TENANT + "/subscriptions", {"subscriber": "archive", "topic": name}, expect=201)
    assert (made["kind"], made["subscriber"], made["topic"]) == ("application", "archive", name), made
    world.admin.call("POST", TENANT + "/subscriptions", {"subscriber": "archive", "topic": name}, expect=409)
    for number in range(25):
        body = {"payload": base64.b64encode(b"\x00%d" % number).decode(), "contentType": "text/plain", "clientId": "dev1",
                "userProperties": [["n", str(number)], ["n", "again"]]}
        assert world.admin.call("POST", topic(name) + "/messages", body, expect=201) == {"stored": True}
    world.restart()
    seen, after = [], 0
    while True:
        page = world.admin.get(topic(name) + "/messages?limit=10&after=%d" % after)
        seen += page["messages"]
        if "next" not in page:
            break
        after = page["next"]
    assert [base64.b64decode(one["payload"]) for one in seen] == [b"\x00%d" % n for n in range(25)], seen
    assert seen[7]["userProperties"] == [["n", "7"], ["n", "again"]] and seen[7]["clientId"] == "dev1", seen[7]
    assert [one["position"] for one in seen] == sorted({one["position"] for one in seen})
    shown = world.admin.get(topic(name))
    assert shown["backlogBytes"] > 0 and shown["subscribers"] == 1, shown
    [subscription] = subscriptions_of(world, name)
    assert world.viewer.get(TENANT + "/subscriptions/" + subscription["id"]) == subscription
    world.other.get("/management/tenants/t0816/subscriptions/" + subscription["id"], expect=404)
    assert subscription["backlogBytes"] == shown["backlogBytes"] and subscription["connectedClients"] == 0, subscription

    async def consume():
        token = n2.get_token(world.messaging.http, "t0815/admin", "admin-secret", name, "archive")
        async with n2.Subscriber(world.messaging.websocket, token) as subscriber:
            for number in range(25):
                received = await subscriber.receive(10)
                assert received.message.payload == b"\x00%d" % number, received
                await subscriber.acknowledge(received)
            until(lambda: world.admin.get(topic(name))["backlogBytes"] == 0, 10)
            [now] = subscriptions_of(world, name)
            assert now["connectedClients"] == 1 and now["lastAcknowledged"] and now["acknowledged"] == 25, now
    asyncio.run(consume())
    assert world.admin.get(topic(name) + "/messages")["messages"] == []


def bad_requests(world):
    """Each mistake is 422 with a sentence; nothing comes of it."""
    cases = [("POST", TENANT + "/topics", [{}, {"name": ""}, {"name": "a/#"}, {"name": "$debug/x"}, {"name": "a", "more": 1}]),
             ("POST", TENANT + "/subscriptions", [{}, {"subscriber": "a"}, {"subscriber": "a", "topic": "x#"},
                                                  {"subscriber": "a", "topic": "$management"}]),
             ("POST", topic("a") + "/messages", [{"payload": "***"}, {"payload": "", "payloadText": ""}, {"x": 1}]),
             ("POST", topic("$debug/x") + "/messages", [{}]), ("POST", topic("a", "none") + "/messages", [{}]),
             ("POST", topic("a", "relnotif") + "/messages", [{"payloadText": "no notification"}])]
    for method, target, bodies in cases:
        for body in bodies:
            assert world.admin.call(method, target, body, expect=422)["message"]
        world.admin.call(method, target, expect=422, content=b"{")
        world.admin.call(method, target, expect=422, content=b"[]")
        world.admin.call(method, target, expect=422, content=b"")
    for query in ("currentPage=0", "pageSize=x", "sort=color", "unsafe=1"):
        for what in (TENANT + "/topics", TENANT + "/subscriptions"):
            world.admin.get(what + "?" + query, expect=422)
        world.operator.get("/management/tenants?" + query, expect=422)
    for query in ("limit=0", "limit=x", "after=-1"):
        world.admin.get(topic("plant/line 1/\u00e4") + "/messages?" + query, expect=422)
    world.operator.get("/management/tenants/a%20b", expect=422)
    assert world.admin.get(TENANT + "/topics?name=a")["topics"] == []


def lists(world):
    """Paging, patterns and order over more topics than a slice holds."""
    # Through the WebSocket API it would take a connection each: one subscription, then test messages make the topics.
    made = world.admin.call("POST", TENANT + "/subscriptions", {"subscriber": "all", "topic": "many/#"}, expect=201)
    assert made["kind"] == "link" and made["filters"] == [{"filter": "many/#", "qos": 2}], made
    for number in range(120):
        world.admin.call("POST", topic("many/%03d" % number) + "/messages", {"payloadText": "x" * (number % 7)}, expect=201)
    target, names = TENANT + "/topics?name=many%2F*&pageSize=50", []
    while target:
        page = world.admin.get(target)
        names += [one["name"] for one in page["topics"]]
        assert page["statistics"]["totalElements"] == 120 and page["statistics"]["totalPages"] == 3, page["statistics"]
        target = page.get("next")
    assert names == ["many/%03d" % n for n in range(120)], names
    page = world.admin.get(TENANT + "/topics?name=many*&sort=-backlogBytes&pageSize=5000")
    sizes = [one["backlogBytes"] for one in page["topics"]]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == 120 and page["statistics"]["pageSize"] == 2000
    assert world.admin.get(TENANT + "/topics?currentPage=9&name=many*")["topics"] == []
    assert world.admin.get(TENANT + "/topics?unsafe=true")["topics"] == []
    assert world.admin.get(TENANT + "/topics?namespace=relnotif")["topics"] == []
    subs = world.admin.get(TENANT + "/subscriptions?sort=-backlogBytes")["subscriptions"]
    assert subs[0]["subscriber"] == "all" and subs[0]["backlogBytes"] == sum(sizes), subs
    assert [one["subscriber"] for one in subscriptions_of(world, "many/007")] == ["all"]
    assert world.admin.get(TENANT + "/subscriptions?name=al*&namespace=mqtt")["statistics"]["totalElements"] == 1
    [mine] = world.operator.get("/management/tenants?name=t0815")["tenants"]
    features = {one["namespace"]: one for one in world.operator.get(TENANT)["features"]}
    assert features["mqtt"]["topics"] >= 120 and features["mqtt"]["subscribers"] == mine["subscriptions"] == 2, features
    until(lambda: world.admin.get(topic("many/000"))["messageRateIn"] == 0)  # a sampled rate falls back to zero


def rates(world):
    """Rates follow what happens."""
    def publish_and_look():
        for _ in range(20):
            world.admin.call("POST", topic("many/000") + "/messages", {}, expect=201)
        return world.admin.get(topic("many/000"))["messageRateIn"] > 0
    until(publish_and_look)


def topics_come_and_go(world):
    world.admin.call("POST", TENANT + "/topics", {"name": "fresh"}, expect=201)
    world.admin.call("POST", TENANT + "/topics", {"name": "fresh"}, expect=409)
    time_before = time.monotonic()
    until(lambda: time.monotonic() > time_before + 0.5)  # longer than unused topics live that nobody holds
    assert world.admin.get(topic("fresh"))["subscribers"] == 0
    world.admin.call("DELETE", topic("fresh"), expect=204)
    until(lambda: world.admin.raw("GET", topic("fresh"))[0] == 404, 10)
    world.admin.call("POST", TENANT + "/subscriptions", {"subscriber": "app", "topic": "doomed"}, expect=201)
    world.admin.call("POST", topic("doomed") + "/messages", {"payloadText": "x"}, expect=201)
    world.admin.call("DELETE", topic("doomed"), expect=409)
    world.admin.call("DELETE", topic("many/001") + "?force=true", expect=409)  # a wildcard reads it
    world.admin.call("DELETE", topic("doomed") + "?force=true", expect=204)
    world.restart()
    until(lambda: world.admin.raw("GET", topic("doomed"))[0] == 404, 10)
    for one in subscriptions_of(world, "many/001"):
        world.admin.call("DELETE", TENANT + "/subscriptions/" + one["id"], expect=204)
    world.restart()
    assert subscriptions_of(world, "many/001") == []
    until(lambda: world.admin.get(TENANT + "/topics?name=many*")["statistics"]["totalElements"] == 0, 20)


def limits(world):
    """Set at run time, in force at once, durable, and back to what is configured."""
    target = TENANT + "/limits"
    assert world.admin.get(target)["topics"] == 500 and world.admin.get(target)["set"] == []
    for body in ({"topics": 0}, {"nonsense": 1}, {"messageBytes": 10}, {"ttlSeconds": "1"}):
        world.operator.call("PUT", target, body, expect=422)
    set_to = world.operator.call("PUT", target, {"topics": 2, "backlogBytesPerTopic": 1500, "messageBytes": 1024})
    assert set_to["topics"] == 2 and sorted(set_to["set"]) == ["backlogBytesPerTopic", "messageBytes", "topics"], set_to
    world.restart()
    assert world.admin.get(target) == set_to
    made = world.admin.call("POST", TENANT + "/subscriptions", {"subscriber": "app", "topic": "full"}, expect=201)
    world.admin.call("POST", topic("full") + "/messages", {"payloadText": "x" * 1000}, expect=201)
    world.admin.call("POST", topic("full") + "/messages", {"payloadText": "x" * 1000}, expect=507)
    world.admin.call("POST", topic("full") + "/messages", {"payloadText": "x" * 2000}, expect=422)
    assert world.admin.get(topic("full"))["unsafe"] is False
    assert world.admin.get(topic("full"))["usedBacklogPercent"] > 60
    world.admin.call("POST", TENANT + "/topics", {"name": "one more"}, expect=422)  # full and plant/line 1/ä are two
    world.operator.call("PUT", target, {"topics": None, "messageBytes": None})
    world.admin.call("POST", TENANT + "/topics", {"name": "one more"}, expect=201)
    world.operator.call("DELETE", target, expect=204)
    world.restart(kill=False)
    assert world.admin.get(target)["set"] == [] and world.admin.get(target)["topics"] == 500
    world.admin.call("DELETE", TENANT + "/subscriptions/" + made["id"], expect=204)
    # For a tenant nobody has seen yet, too.
    world.operator.call("PUT", "/management/tenants/later/limits", {"ttlSeconds": 60})
    assert world.operator.get("/management/tenants/later/limits")["ttlSeconds"] == 60


def tokens_and_server(world):
    """The rest of the document, so that all of it was called."""
    server = world.admin.get("/management/server")
    assert "store" not in server and server["durability"] == "os" and not server["readOnly"], server
    whole = world.operator.get("/management/server")
    assert whole["store"]["diskBytes"] > 0 and whole["tenants"] >= 1, whole
    world.nobody.get("/health")
    world.nobody.get("/metrics")
    world.nobody.get("/openapi.json")
    token = world.admin.call("POST", "/notification2/token", {"subscriber": "s", "subscription": "x", "type": "mqtt"})["token"]
    assert world.admin.get("/notification2/token?token=" + token)["sub"] == "s"
    world.other.get("/notification2/token?token=" + token, expect=422)
    world.admin.call("POST", "/notification2/token", {}, expect=422)
    world.viewer.call("POST", "/notification2/token", {}, expect=403)
    world.viewer.get("/notification2/token?token=" + token, expect=403)
    for method in ("GET", "POST"):
        world.nobody.call(method, "/notification2/token", expect=401)
    assert world.admin.call("POST", "/notification2/unsubscribe?token=" + token) == {"result": "DONE"}
    world.nobody.call("POST", "/notification2/unsubscribe?token=" + token, expect=401)
    world.other.call("POST", "/notification2/unsubscribe?token=" + token, expect=422)


def guessing(world):
    """Whoever guesses is told to come again later; who was let in before is not held up."""
    target = TENANT + "/topics"
    for number in range(50):
        status, headers, body = world.user("t0815/device1", "guess %d" % number).raw("GET", target)
        if status == 429:
            break
        assert status == 401, (status, body)
    world.document.check_answer("GET", target, status, headers["Content-Type"], body)
    assert status == 429 and int(headers["Retry-After"]) >= 1, (status, headers)
    world.admin.get(target)


def all_was_called(world):
    """Every documented operation and code was seen, but for those that need a broken store or an overload."""
    missing = []
    for method, path, operation in world.document.operations():
        for code in operation["responses"]:
            if code in ("429", "503") or (method, path, code) == ("PUT", "/management/tenants/{tenant}/limits", "507"):
                continue
            if (method, path, int(code)) not in world.document.seen:
                missing.append((method, path, code))
    # The name of the tenant is the only thing that can be wrong in these, and one of them stands for all.
    only_tenant = {one for one in missing if one[2] == "422" and "{tenant}" in one[1] and one[0] in ("GET", "DELETE")}
    missing = [one for one in missing if one not in only_tenant]
    assert not missing, missing


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    world = World(options.program)
    steps = (documents_the_program, roles, an_empty_tenant, messages, bad_requests, lists, rates, topics_come_and_go, limits,
             tokens_and_server, guessing, all_was_called)
    try:
        for step in steps:
            if options.only in step.__name__:
                begun = time.monotonic()
                step(world)
                print("ok    %s (%.1f s)" % (step.__name__, time.monotonic() - begun), flush=True)
    except BaseException:
        print(world.messaging.log()[-3000:])
        raise
    finally:
        world.messaging.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
