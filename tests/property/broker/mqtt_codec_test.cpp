// Seeded random bytes and packets through decoder and encoder. The seed is printed with every failure.
#include "broker/mqtt/decoder.hpp"
#include "broker/mqtt/encoder.hpp"
#include "tests/support/packet_samples.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <random>

using namespace broker::mqtt;

namespace {

constexpr protocol_version versions[] = {protocol_version::unknown, protocol_version::v3_1, protocol_version::v3_1_1,
                                         protocol_version::v5};

std::size_t below(std::mt19937_64& random, std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
}

std::string random_bytes(std::mt19937_64& random, std::size_t size) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(below(random, 256));
    return out;
}

std::string random_text(std::mt19937_64& random, std::size_t size) {
    static constexpr std::string_view pieces[] = {
        "a", "Z", "/", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xEF\xBB\xBF"};
    std::string out;
    while (out.size() < size) out += pieces[below(random, std::size(pieces))];
    return out;
}

/// In a heap block of exactly its size, so that the address sanitizer sees a read beyond it.
decode_result decode_exact(std::string_view bytes, protocol_version version, std::unique_ptr<std::byte[]>& storage) {
    storage.reset(new std::byte[bytes.size()]);
    std::transform(bytes.begin(), bytes.end(), storage.get(), [](char c) { return static_cast<std::byte>(c); });
    return decode({storage.get(), bytes.size()}, version, 131'072);
}

void check_outcome(const decode_result& result, std::size_t size) {
    const int outcomes = (result.consumed != 0 ? 1 : 0) + (result.need_more ? 1 : 0) + (result.failed() ? 1 : 0);
    if (outcomes != 1 || result.consumed > size) FAIL("not exactly one outcome");
}

} // namespace

TEST_CASE("random bytes and mutated packets never read out of bounds") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const auto& samples = packet_samples::all();
    std::unique_ptr<std::byte[]> storage;
    for (int round = 0; round < 60'000; ++round) {
        std::string bytes;
        protocol_version version = versions[below(random, 4)];
        if (round % 4 == 0) {
            bytes = packet_bytes::packet(static_cast<unsigned>(below(random, 256)),
                                         random_bytes(random, below(random, 60)));
        } else {
            const auto& sample = samples[below(random, samples.size())];
            bytes = sample.bytes;
            version = sample.version;
            for (std::size_t edits = 1 + below(random, 4); edits != 0; --edits) {
                const std::size_t at = below(random, bytes.size());
                if (below(random, 3) == 0)
                    bytes.insert(at, random_bytes(random, 1 + below(random, 4)));
                else if (bytes.size() > 2 && below(random, 3) == 0)
                    bytes.erase(at, 1);
                else
                    bytes[at] = static_cast<char>(below(random, 256));
            }
        }
        const decode_result result = decode_exact(bytes, version, storage);
        check_outcome(result, bytes.size());
        if (result.consumed == 0) continue;
        if (const auto* connect = std::get_if<connect_packet>(&result.value)) version = connect->version;
        if (version == protocol_version::unknown) continue;
        std::string again;
        encode(again, result.value, version);
        const decode_result second = decode(packet_bytes::span(again), version, 0xFFFFFFFF);
        std::string third;
        encode(third, second.value, version);
        if (second.consumed != again.size() || again != third)
            FAIL("not stable: " << packet_bytes::dump(bytes) << " became " << packet_bytes::dump(again));
    }
}

TEST_CASE("random PUBLISH survives encode and decode") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 5'000; ++round) {
        const std::string topic = random_text(random, 1 + below(random, 300));
        const std::string payload = random_bytes(random, below(random, round % 50 == 0 ? 40'000 : 300));
        std::string properties;
        for (std::size_t count = below(random, 5); count != 0; --count)
            properties += "\x26" + packet_bytes::text(random_text(random, below(random, 20))) +
                          packet_bytes::text(random_text(random, below(random, 40)));
        outgoing_publish out;
        out.topic = topic;
        out.payload = payload;
        out.properties = properties;
        out.qos = static_cast<std::uint8_t>(below(random, 2));
        out.packet_identifier = static_cast<std::uint16_t>(out.qos == 0 ? 0 : 1 + below(random, 65'535));
        out.dup = out.qos != 0 && below(random, 2) == 0;
        const protocol_version version = below(random, 2) == 0 ? protocol_version::v5 : protocol_version::v3_1_1;
        std::string bytes;
        encode_publish(bytes, out, version);
        REQUIRE(bytes.size() == encoded_size(out, version));
        const decode_result result = decode(packet_bytes::span(bytes), version, 131'072);
        REQUIRE(result.consumed == bytes.size());
        const auto& in = std::get<publish_packet>(result.value);
        std::string scratch;
        REQUIRE(in.topic == topic);
        REQUIRE(in.payload == payload);
        REQUIRE(in.packet_identifier == out.packet_identifier);
        REQUIRE(in.dup == out.dup);
        REQUIRE(pass_through_properties(in, scratch) == (version == protocol_version::v5 ? properties : ""));
    }
}
