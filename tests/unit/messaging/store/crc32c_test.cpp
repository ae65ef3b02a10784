#include "messaging/store/crc32c.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace messaging::store;

namespace {
std::string counting(bool up) {
    std::string bytes;
    for (int i = 0; i < 32; ++i) bytes.push_back(static_cast<char>(up ? i : 31 - i));
    return bytes;
}
} // namespace

TEST_CASE("crc32c: the published vectors, by instruction and by table", "[store][RFC3720-B.4]") {
    struct vector {
        std::string bytes;
        std::uint32_t crc;
    };
    const vector known[] = {{std::string(32, '\0'), 0x8A9136AA}, {std::string(32, '\xFF'), 0x62A8AB43},
                            {counting(true), 0x46DD794E},        {counting(false), 0x113FDB5C},
                            {"123456789", 0xE3069283},           {"", 0}};
    for (const vector& each : known) {
        CHECK(crc32c(core::as_bytes(each.bytes)) == each.crc);
        CHECK(crc32c_by_table(core::as_bytes(each.bytes)) == each.crc);
    }
}

TEST_CASE("crc32c: both ways agree on any length and any split", "[store]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 300; ++round) {
        std::string bytes(random() % 200, '\0');
        for (char& each : bytes) each = static_cast<char>(random());
        const std::size_t cut = bytes.empty() ? 0 : random() % bytes.size();
        const auto whole = core::as_bytes(bytes);
        const std::uint32_t crc = crc32c(whole);
        REQUIRE(crc32c_by_table(whole) == crc);
        REQUIRE(crc32c(whole.subspan(cut), crc32c_by_table(whole.first(cut))) == crc);
    }
}
