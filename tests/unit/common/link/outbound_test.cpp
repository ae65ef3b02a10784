#include "common/link/outbound.hpp"

#include <catch2/catch.hpp>

#include <random>

namespace {

/// A publish frame whose record is its own number.
void add(msg_link::outbound& out, std::size_t padding = 0) {
    const auto record = std::to_string(out.next_sequence()) + std::string(padding, ' ');
    auto& to = out.room(record.size() + 17);
    msg_link::encode_publish_head(to, 1, 0, record.size());
    to += record;
    (void)out.appended(record.size() + 17);
}

std::vector<std::uint64_t> written(msg_link::outbound& out) {
    std::vector<std::uint64_t> numbers;
    while (out.has_unwritten()) {
        const auto& chunk = out.take();
        auto bytes = core::as_bytes(chunk);
        msg_link::raw_frame frame;
        while (msg_link::next_frame(bytes, frame)) {
            msg_link::publish one;
            REQUIRE(decode(frame.body, one));
            numbers.push_back(std::stoull(std::string(core::as_text(one.record))));
        }
        out.written_done();
    }
    return numbers;
}

std::vector<std::uint64_t> from_to(std::uint64_t from, std::uint64_t to) {
    std::vector<std::uint64_t> out;
    for (; from <= to; ++from) out.push_back(from);
    return out;
}

} // namespace

TEST_CASE("outbound: frames go once, in order, and stay until they are settled", "[link]") {
    msg_link::outbound out;
    for (int i = 0; i < 5; ++i) add(out);
    CHECK(out.frames() == 5);
    CHECK(written(out) == from_to(1, 5));
    CHECK_FALSE(out.has_unwritten());
    CHECK(out.bytes() > 0);
    out.settle(5);
    CHECK(out.frames() == 0);
    CHECK(out.bytes() == 0);
    CHECK(out.first_unsettled() == 6);
}

TEST_CASE("outbound: after a reconnect exactly what was not settled goes again", "[link]") {
    msg_link::outbound out;
    for (int i = 0; i < 10; ++i) add(out);
    CHECK(written(out) == from_to(1, 10));
    for (int i = 0; i < 3; ++i) add(out); // queued while the link is down
    out.rewind(4);
    CHECK(out.frames() == 9);
    CHECK(written(out) == from_to(5, 13));
    out.settle(13);
    CHECK(out.bytes() == 0);
}

TEST_CASE("outbound: an answer that overtakes the write's completion does not free the bytes", "[link]") {
    msg_link::outbound out;
    add(out);
    const auto& chunk = out.take();
    const auto size = chunk.size();
    out.settle(1);
    CHECK(chunk.size() == size); // still there for the write under way
    out.written_done();
    CHECK(out.bytes() == 0);
}

TEST_CASE("outbound: random cuts never lose, repeat or reorder a frame", "[link][property]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    msg_link::outbound out;
    std::uint64_t server = 0; // the sequence the server has
    for (int round = 0; round < 3'000; ++round) {
        for (auto i = random() % 20; i > 0; --i) add(out, random() % 3 == 0 ? 30'000 : random() % 100);
        switch (random() % 3) {
        case 0:
            for (const auto number : written(out)) REQUIRE(number == ++server);
            break;
        case 1: out.settle(server == 0 ? 0 : server - random() % std::min<std::uint64_t>(server, 5)); break;
        case 2: // the link breaks; the server knows what it got
            out.rewind(server);
            break;
        }
        CHECK(out.first_unsettled() <= server + 1);
    }
    for (const auto number : written(out)) REQUIRE(number == ++server);
    CHECK(server + 1 == out.next_sequence());
    out.settle(server);
    CHECK(out.bytes() == 0);
}
