#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::simulation;

namespace {

struct inbox final : model::consumer_sink {
    std::vector<std::string> frames;
    bool ended = false;
    void deliver(std::string frame) override { frames.push_back(std::move(frame)); }
    void end() override { ended = true; }

    std::string ack(std::size_t index) const { return frames.at(index).substr(0, frames.at(index).find('\n')); }
    /// Everything after the acknowledgement line.
    std::string rest(std::size_t index) const { return frames.at(index).substr(frames.at(index).find('\n') + 1); }
};

struct hub_fixture {
    explicit hub_fixture(model::store_limits limits = {}) : sim(limits), device(sim.device("Pump")) {}

    void subscribe(const std::string& more, const std::string& name = "out") {
        const auto got = sim.send("POST", "/notification2/subscriptions",
                                  R"({"context":"mo","source":{"id":")" + device + R"("},"subscription":")" + name +
                                      "\"" + more + "}");
        REQUIRE(got.status == 201);
    }
    void subscribe_tenant(const std::string& more) {
        REQUIRE(
            sim.send("POST", "/notification2/subscriptions", R"({"context":"tenant","subscription":"out")" + more + "}")
                .status == 201);
    }
    unsigned operate(const std::string& more = R"("c8y_Restart":{})", const std::string& on = "") {
        return sim
            .send("POST", "/devicecontrol/operations",
                  R"({"deviceId":")" + (on.empty() ? device : on) + R"(",)" + more + "}")
            .status;
    }
    std::uint64_t attach(inbox& to, bool shared = false, const std::string& client = "", bool non_persistent = false) {
        const auto number = hub().attach({{"out", non_persistent}, "sub", shared, client}, to);
        REQUIRE(number);
        return *number;
    }
    model::notification_hub& hub() { return sim.platform.all().tenant("t0815").notifications; }

    simulation sim;
    std::string device;
};

} // namespace

TEST_CASE("hub: the frame of an operation", "[platform][C.8]") {
    hub_fixture f;
    f.subscribe(R"(,"subscriptionFilter":{"apis":["operations"]})");
    inbox in;
    f.attach(in);
    REQUIRE(f.operate() == 201);
    REQUIRE(in.frames.size() == 1);
    CHECK(in.rest(0) ==
          "/t0815/operations/1001\nCREATE\n\n"
          R"({"id":"1003","deviceId":"1001","creationTime":"2026-01-01T00:00:00.000Z",)"
          R"("self":"http://sim.example.com/devicecontrol/operations/1003","status":"PENDING","c8y_Restart":{}})");
    REQUIRE(f.sim.send("PUT", "/devicecontrol/operations/1003", R"({"status":"EXECUTING"})").status == 200);
    REQUIRE(f.sim.send("PUT", "/devicecontrol/operations/1003", R"({"status":"EXECUTING"})").status ==
            200); // unchanged
    REQUIRE(in.frames.size() == 2);
    CHECK(in.rest(1).starts_with("/t0815/operations/1001\nUPDATE\n\n"));
}

TEST_CASE("hub: nothing is kept before a subscriber has connected once", "[platform][C.1]") {
    hub_fixture f;
    f.subscribe("");
    f.operate();
    inbox in;
    const auto number = f.attach(in);
    CHECK(in.frames.empty());
    f.hub().detach(number);
    f.operate(); // now it is
    inbox later;
    f.attach(later);
    CHECK(later.frames.size() == 1);
}

TEST_CASE("hub: what was not acknowledged comes again after a reconnect, in order", "[platform][C.9]") {
    hub_fixture f;
    f.subscribe("");
    inbox first;
    const auto number = f.attach(first);
    for (int i = 0; i < 4; ++i) f.operate();
    REQUIRE(first.frames.size() == 4);
    f.hub().acknowledge(number, first.ack(1));
    f.hub().acknowledge(number, first.ack(1)); // twice is harmless
    f.hub().acknowledge(number, "nonsense");
    f.hub().detach(number);
    f.hub().acknowledge(number, first.ack(0)); // the connection is gone: does not count
    inbox second;
    const auto next = f.attach(second);
    REQUIRE(second.frames.size() == 3);
    CHECK(second.rest(0) == first.rest(0));
    CHECK(second.rest(1) == first.rest(2));
    CHECK(second.rest(2) == first.rest(3));
    f.hub().acknowledge(next, first.ack(0)); // an identifier of the old connection
    CHECK(f.hub().backlog({"out", false}, "sub") == 3);
    for (std::size_t i = 0; i < 3; ++i) f.hub().acknowledge(next, second.ack(i));
    CHECK(f.hub().backlog({"out", false}, "sub") == 0);
}

TEST_CASE("hub: delivery pauses at 1000 unacknowledged", "[platform][C.9]") {
    hub_fixture f;
    f.subscribe("");
    inbox in;
    const auto number = f.attach(in);
    for (int i = 0; i < 1003; ++i) f.operate();
    CHECK(in.frames.size() == 1000);
    f.hub().acknowledge(number, in.ack(500));
    CHECK(in.frames.size() == 1001);
    CHECK(f.hub().backlog({"out", false}, "sub") == 1002);
}

TEST_CASE("hub: an exclusive subscriber takes one client", "[platform][C.7]") {
    hub_fixture f;
    inbox a;
    inbox b;
    const auto number = f.attach(a);
    CHECK_FALSE(f.hub().attach({{"out", false}, "sub", false, ""}, b));
    CHECK_FALSE(f.hub().attach({{"out", false}, "sub", true, ""}, b)); // not even a shared one
    CHECK(f.hub().attach({{"out", false}, "other", false, ""}, b));
    f.hub().detach(number);
    f.attach(a);
}

TEST_CASE("hub: a shared subscriber keeps each source with one client", "[platform][C.9]") {
    hub_fixture f;
    f.subscribe_tenant(R"(,"subscriptionFilter":{"apis":["operations"]})");
    std::vector<std::string> devices;
    for (int i = 0; i < 30; ++i) devices.push_back(f.sim.device());
    inbox a;
    inbox b;
    const auto first = f.attach(a, true, "client-a");
    f.attach(b, true, "client-b");
    for (int round = 0; round < 2; ++round)
        for (const auto& device : devices) f.operate(R"("c8y_Restart":{})", device);
    CHECK(a.frames.size() + b.frames.size() == 60);
    CHECK_FALSE(a.frames.empty());
    CHECK_FALSE(b.frames.empty());
    const auto source = [](const inbox& in, std::size_t i) { return in.rest(i).substr(0, in.rest(i).find('\n')); };
    for (std::size_t i = 0; i < a.frames.size(); ++i)
        for (std::size_t k = 0; k < b.frames.size(); ++k) REQUIRE(source(a, i) != source(b, k));
    f.hub().detach(first); // the other takes over what was not acknowledged
    CHECK(b.frames.size() == 60);
}

TEST_CASE("hub: each subscriber gets its own copy", "[platform][C.9]") {
    hub_fixture f;
    f.subscribe("");
    inbox a;
    inbox b;
    f.attach(a);
    REQUIRE(f.hub().attach({{"out", false}, "second", false, ""}, b));
    f.operate();
    CHECK(a.frames.size() == 1);
    CHECK(b.frames.size() == 1);
}

TEST_CASE("hub: a non-persistent topic starts at the newest", "[platform][C.9]") {
    hub_fixture f;
    f.subscribe(R"(,"nonPersistent":true)");
    inbox a;
    const auto number = f.attach(a, false, "", true);
    f.operate();
    CHECK(a.frames.size() == 1);
    f.hub().detach(number);
    f.operate();
    inbox b;
    f.attach(b, false, "", true);
    CHECK(b.frames.empty());
    inbox persistent;
    f.attach(persistent); // another topic
    f.operate();
    CHECK(b.frames.size() == 1);
    CHECK(persistent.frames.empty());
}

TEST_CASE("hub: unsubscribing removes the backlog and ends the client", "[platform][C.5]") {
    hub_fixture f;
    f.subscribe("");
    inbox a;
    const auto number = f.attach(a);
    f.operate();
    CHECK(f.hub().unsubscribe({"out", false}, "sub"));
    CHECK(a.ended);
    CHECK_FALSE(f.hub().unsubscribe({"out", false}, "sub"));
    f.hub().acknowledge(number, a.ack(0)); // late, harmless
    f.hub().detach(number);
    inbox b;
    f.attach(b);
    CHECK(b.frames.empty());
}

TEST_CASE("hub: a full backlog makes the request 500 although the data is stored", "[platform][C.9]") {
    model::store_limits limits;
    limits.notifications.topic_bytes_max = 600;
    hub_fixture f(limits);
    f.subscribe("");
    inbox in;
    const auto number = f.attach(in);
    unsigned status = 201;
    int stored = 0;
    for (; status == 201 && stored < 10; ++stored) status = f.operate();
    CHECK(status == 500);
    CHECK(f.sim.send("GET", "/devicecontrol/operations?pageSize=100").count("operations") == std::size_t(stored));
    for (std::size_t i = 0; i < in.frames.size(); ++i) f.hub().acknowledge(number, in.ack(i));
    CHECK(f.operate() == 201);
}

TEST_CASE("hub: messages end with their time to live", "[platform][C.9]") {
    hub_fixture f;
    f.subscribe("");
    inbox a;
    f.hub().detach(f.attach(a));
    f.operate();
    f.sim.clock.jump_wall(std::chrono::hours(37));
    inbox b;
    f.attach(b);
    CHECK(b.frames.empty());
}

TEST_CASE("hub: what context mo copies", "[platform][C.2]") {
    hub_fixture f;
    f.subscribe("");
    inbox in;
    f.attach(in);
    const auto other = f.sim.device("other"); // create is not for mo
    const std::string source = R"({"source":{"id":")" + f.device + R"("},"time":"2026-02-03T10:15:30Z","type":"t")";
    REQUIRE(f.sim.send("POST", "/event/events", source + R"(,"text":"x"})").status == 201);
    REQUIRE(f.sim.send("POST", "/alarm/alarms", source + R"(,"text":"x","severity":"MAJOR"})").status == 201);
    REQUIRE(f.sim.send("POST", "/measurement/measurements", source + R"(,"f":{"s":{"value":1.5}}})").status == 201);
    REQUIRE(f.sim.send("PUT", "/inventory/managedObjects/" + f.device, R"({"x":1})").status == 200);
    REQUIRE(f.sim.send("PUT", "/inventory/managedObjects/" + other, R"({"x":1})").status == 200);
    REQUIRE(f.sim.send("POST", "/alarm/alarms", source + R"(,"text":"x","severity":"MAJOR"})").status == 201);
    REQUIRE(f.sim.send("DELETE", "/inventory/managedObjects/" + f.device).status == 204);
    REQUIRE(in.frames.size() == 6);
    CHECK(in.rest(0).starts_with("/t0815/events/1001\nCREATE\n\n{\"id\":"));
    CHECK(in.rest(1).starts_with("/t0815/alarms/1001\nCREATE\n\n"));
    CHECK(in.rest(2).starts_with("/t0815/measurements/1001\nCREATE\n\n"));
    CHECK(in.rest(2).find(R"("f":{"s":{"value":1.5}})") != std::string::npos);
    CHECK(in.rest(3).starts_with("/t0815/managedobjects/1001\nUPDATE\n\n"));
    CHECK(in.rest(4).starts_with("/t0815/alarms/1001\nUPDATE\n\n")); // counted again
    CHECK(in.rest(5) == "/t0815/managedobjects/1001\nDELETE\n\n{\"id\":\"1001\"}");
}

TEST_CASE("hub: what context tenant copies", "[platform][C.2]") {
    hub_fixture f;
    f.subscribe_tenant("");
    inbox in;
    f.attach(in);
    const auto made = f.sim.device("new");
    const std::string source = R"({"source":{"id":")" + made + R"("},"time":"2026-02-03T10:15:30Z","type":"t")";
    REQUIRE(f.sim.send("PUT", "/inventory/managedObjects/" + made, R"({"x":1})").status == 200); // not
    REQUIRE(f.sim.send("POST", "/measurement/measurements", source + R"(,"f":{"s":{"value":1}}})").status ==
            201); // not
    REQUIRE(f.sim.send("POST", "/alarm/alarms", source + R"(,"text":"x","severity":"MAJOR"})").status == 201);
    REQUIRE(f.sim.send("POST", "/event/events", source + R"(,"text":"x"})").status == 201);
    f.operate(R"("c8y_Restart":{})", made);
    REQUIRE(in.frames.size() == 4);
    CHECK(in.rest(0).starts_with("/t0815/managedobjects/" + made + "\nCREATE"));
    CHECK(in.rest(1).starts_with("/t0815/alarms/"));
    CHECK(in.rest(2).starts_with("/t0815/events/"));
    CHECK(in.rest(3).starts_with("/t0815/operations/"));
}

TEST_CASE("hub: type filter and fragments to copy", "[platform][C.2]") {
    hub_fixture f;
    f.subscribe(R"(,"subscriptionFilter":{"apis":["operations","alarms"],"typeFilter":"'hot' or 'c8y_Command'"},)"
                R"("fragmentsToCopy":["c8y_Command"])");
    inbox in;
    f.attach(in);
    const std::string source =
        R"({"source":{"id":")" + f.device + R"("},"time":"2026-02-03T10:15:30Z","severity":"MAJOR","text":"x",)";
    REQUIRE(f.sim.send("POST", "/alarm/alarms", source + R"("type":"hot","secret":{"a":1}})").status == 201);
    REQUIRE(f.sim.send("POST", "/alarm/alarms", source + R"("type":"cold"})").status == 201);
    f.operate(R"("c8y_Restart":{})");
    f.operate(R"("c8y_Command":{"text":"ls"},"secret":1)");
    REQUIRE(in.frames.size() == 2);
    CHECK(in.rest(0).find("secret") == std::string::npos);
    CHECK(in.rest(0).find(R"("severity":"MAJOR")") != std::string::npos);
    CHECK(in.rest(1).find("secret") == std::string::npos);
    CHECK(in.rest(1).find(R"("c8y_Command":{"text":"ls"})") != std::string::npos);
}

TEST_CASE("hub: alarmsWithChildren reaches below, alarms does not", "[platform][C.2]") {
    hub_fixture f;
    const auto child = f.sim.device("child");
    REQUIRE(f.sim
                .send("POST", "/inventory/managedObjects/" + f.device + "/childDevices",
                      R"({"managedObject":{"id":")" + child + R"("}})")
                .status == 201);
    const bool with_children = GENERATE(true, false);
    f.subscribe(with_children ? R"(,"subscriptionFilter":{"apis":["alarmsWithChildren"]})"
                              : R"(,"subscriptionFilter":{"apis":["alarms"]})");
    inbox in;
    f.attach(in);
    REQUIRE(f.sim
                .send("POST", "/alarm/alarms",
                      R"({"source":{"id":")" + child +
                          R"("},"time":"2026-02-03T10:15:30Z","severity":"MAJOR","text":"x","type":"t"})")
                .status == 201);
    f.operate(R"("c8y_Restart":{})", child); // operations of children are never included
    CHECK(in.frames.size() == (with_children ? 1u : 0u));
}

TEST_CASE("hub: two subscriptions that feed one topic give one copy", "[platform][C.1]") {
    hub_fixture f;
    f.subscribe("");
    f.subscribe_tenant("");
    inbox in;
    f.attach(in);
    f.operate();
    CHECK(in.frames.size() == 1);
}

TEST_CASE("hub: QUIESCENT tells nobody, TRANSIENT only tells", "[platform][D.1]") {
    hub_fixture f;
    f.subscribe("");
    inbox in;
    f.attach(in);
    const std::string event =
        R"({"source":{"id":")" + f.device + R"("},"time":"2026-02-03T10:15:30Z","type":"t","text":"x"})";
    REQUIRE(f.sim.send("POST", "/event/events", event, {{"X-Cumulocity-Processing-Mode", "QUIESCENT"}}).status == 201);
    CHECK(in.frames.empty());
    REQUIRE(f.sim.send("POST", "/event/events", event, {{"X-Cumulocity-Processing-Mode", "TRANSIENT"}}).status == 201);
    CHECK(in.frames.size() == 1);
    CHECK(f.sim.send("GET", "/event/events").count("events") == 1);
}

TEST_CASE("hub: an API is wanted only when a subscription names it", "[platform][C.2]") {
    hub_fixture f;
    CHECK_FALSE(f.hub().wants("alarms"));
    f.subscribe(R"(,"subscriptionFilter":{"apis":["alarmsWithChildren","operations"]})");
    CHECK(f.hub().wants("alarms"));
    CHECK(f.hub().wants("operations"));
    CHECK_FALSE(f.hub().wants("measurements"));
    f.subscribe_tenant("");
    CHECK(f.hub().wants("events"));
    CHECK_FALSE(f.hub().wants("measurements")); // never in context tenant
    f.subscribe("", "all");
    CHECK(f.hub().wants("measurements"));
}

TEST_CASE("hub: type filters as people write them", "[platform][C.2]") {
    using names = std::vector<std::string>;
    CHECK(model::parse_type_filter("'a'") == names{"a"});
    CHECK(model::parse_type_filter("'a' or 'b' or 'c'") == names{"a", "b", "c"});
    CHECK(model::parse_type_filter("type eq 'x'") == names{"x"});
    CHECK(model::parse_type_filter("c8y_Plain") == names{"c8y_Plain"});
    CHECK(model::parse_type_filter("'a' and 'b'") == names{"'a' and 'b'"}); // no expression: a plain name
}
