// Random sequences of lawful and damaged packets, and random answers, through a session. What holds always: one close
// at most and nothing after it, and every PUBACK answers a PUBLISH that was taken, in order.
#include "tests/support/packet_samples.hpp"
#include "tests/support/session_harness.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace broker;
using session_harness::dialogue;

namespace {

std::size_t below(std::mt19937_64& random, std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
}

std::string random_packet(std::mt19937_64& random, mqtt::protocol_version version) {
    const auto level = static_cast<unsigned>(version);
    switch (below(random, 6)) {
    case 0: return packet_bytes::subscribe(level, static_cast<std::uint16_t>(1 + below(random, 9)), "a/b", 1);
    case 1: return packet_bytes::publish(level, 0, "a/b", 0, "x");
    case 2:
    case 3: return packet_bytes::publish(level, 2, "a/b", static_cast<std::uint16_t>(1 + below(random, 500)), "x");
    case 4: return packet_bytes::hex("c000");
    default: break;
    }
    const auto& samples = packet_samples::all();
    for (;;) {
        const auto& sample = samples[below(random, samples.size())];
        if (sample.version != version) continue;
        std::string bytes = sample.bytes;
        if (below(random, 2) == 0) bytes[below(random, bytes.size())] ^= static_cast<char>(1 << below(random, 8));
        return bytes;
    }
}

void random_answer(std::mt19937_64& random, dialogue& talk, std::size_t& settled) {
    switch (below(random, 5)) {
    case 0: talk.driver.answer_requests(); break;
    case 1:
        while (settled < talk.driver.publishes.size()) {
            const auto& next = talk.driver.publishes[settled++];
            if (next.qos != 0) talk.settle(next.packet_identifier);
        }
        break;
    case 2: {
        session::delivery message;
        message.topic = "a/b";
        message.qos = static_cast<std::uint8_t>(below(random, 2));
        (void)talk.session.on_deliver(message);
        break;
    }
    case 3: (void)talk.send(packet_bytes::hex("40 02 00") + static_cast<char>(below(random, 70))); break;
    default: talk.session.release_idle_memory(); break;
    }
}

} // namespace

TEST_CASE("random dialogues end at most once and say nothing afterwards", "[MQTT5-3.14.4-1][MQTT5-3.14.4-2]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 1'500; ++round) {
        const auto version = static_cast<mqtt::protocol_version>(3 + below(random, 3));
        dialogue talk;
        talk.connect(static_cast<unsigned>(version));
        REQUIRE(talk.session.connected());
        std::size_t settled = 0;
        for (int step = 0; step < 60 && !talk.session.closed(); ++step) {
            (void)talk.send(random_packet(random, version));
            random_answer(random, talk, settled);
        }
        talk.session.on_shutdown();
        REQUIRE(talk.session.closed());
        REQUIRE(talk.driver.closes.size() == 1);
        (void)talk.received();
        (void)talk.send(packet_bytes::hex("c000"));
        talk.settle(1);
        talk.driver.answer_requests();
        talk.session.on_evicted();
        talk.session.on_transport_closed();
        REQUIRE(talk.driver.out.empty());
        REQUIRE(talk.driver.closes.size() == 1);
    }
}

TEST_CASE("PUBACKs follow the order of the PUBLISHes whatever is refused on the spot",
          "[MQTT311-4.6.0-2][MQTT5-4.6.0-2]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    dialogue talk;
    talk.connect(5);
    std::string expected;
    std::string got;
    std::size_t settled = 0;
    for (std::uint16_t id = 1; id <= 5'000; ++id) {
        const bool refused = below(random, 3) == 0;
        got += talk.send(packet_bytes::publish(5, 2, refused ? "$x" : "a/b", id, "x")) + " ";
        expected += packet_bytes::dump({std::string{static_cast<char>(id >> 8), static_cast<char>(id)}}) + " ";
        while (settled < talk.driver.publishes.size() &&
               (below(random, 2) == 0 || talk.session.publishes_in_flight() > 900)) {
            talk.settle(talk.driver.publishes[settled++].packet_identifier);
            got += talk.received() + " ";
        }
    }
    while (settled < talk.driver.publishes.size()) talk.settle(talk.driver.publishes[settled++].packet_identifier);
    got += talk.received();
    const std::string bytes = packet_bytes::hex(got);
    std::string identifiers;
    for (std::size_t at = 0; at < bytes.size(); at += 2U + static_cast<unsigned char>(bytes[at + 1])) {
        REQUIRE(bytes[at] == 0x40);
        identifiers += packet_bytes::dump(std::string_view(bytes).substr(at + 2, 2)) + " ";
    }
    CHECK(identifiers == expected);
    CHECK_FALSE(talk.session.closed());
}
