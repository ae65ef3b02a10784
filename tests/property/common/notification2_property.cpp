// Seeded random: what we write we read back, and whatever else comes neither breaks us nor passes for something else.
// Another seed: the environment variable SEED.
#include "common/auth/link_token.hpp"
#include "common/core/base64.hpp"
#include "common/core/percent.hpp"
#include "common/notification2/avro_codec.hpp"
#include "common/notification2/frame.hpp"
#include "common/notification2/token.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <deque>
#include <random>

using namespace notification2;

namespace {

std::uint64_t seed() {
    static const std::uint64_t chosen = [] {
        const char* given = std::getenv("SEED");
        return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    }();
    return chosen;
}

struct source {
    std::mt19937_64 random{seed()};
    std::deque<std::string> kept; // what views point at

    std::size_t below(std::size_t limit) { return random() % limit; }
    std::string bytes(std::size_t size_max) {
        std::string out(below(size_max + 1), '\0');
        for (char& c : out) c = static_cast<char>(random());
        return out;
    }
    std::string ascii(std::size_t size_max) {
        std::string out(below(size_max + 1), '\0');
        for (char& c : out) c = static_cast<char>(random() & 0x7F);
        return out;
    }
    std::string_view keep(std::string text) { return kept.emplace_back(std::move(text)); }
    std::optional<std::string_view> maybe() {
        if (below(2) == 0) return std::nullopt;
        return keep(ascii(40));
    }
};

mqtt_service_message random_message(source& from) {
    mqtt_service_message message;
    message.client_id = from.maybe();
    message.content_type = from.maybe();
    if (from.below(2) != 0) message.correlation_data = from.keep(from.bytes(30));
    message.dup_flag = from.below(2) != 0;
    message.message_id = static_cast<std::int32_t>(from.random());
    if (from.below(2) != 0) message.format = static_cast<payload_format>(from.below(2));
    message.response_topic = from.maybe();
    message.topic = from.maybe();
    if (from.below(2) != 0) {
        message.user_properties.emplace();
        for (std::size_t i = from.below(5); i != 0; --i)
            message.user_properties->emplace_back(from.keep(from.ascii(10)), from.keep(from.ascii(10)));
    }
    message.payload = from.keep(from.bytes(300));
    return message;
}

void damage(source& from, std::string& text) {
    if (text.empty()) return;
    switch (from.below(3)) {
    case 0: text[from.below(text.size())] = static_cast<char>(from.random()); break;
    case 1: text.resize(from.below(text.size())); break;
    default: text.insert(from.below(text.size()), 1, static_cast<char>(from.random())); break;
    }
}

} // namespace

TEST_CASE("property: Base64 and percent-encoding come back", "[property]") {
    INFO("seed " << seed());
    source from;
    for (int i = 0; i < 5000; ++i) {
        const auto bytes = from.bytes(100);
        REQUIRE(core::base64_decode(core::base64_encode(bytes)) == bytes);
        REQUIRE(core::base64url_decode(core::base64url_encode(bytes)) == bytes);
        REQUIRE(core::percent_decode(core::percent_encode(bytes)) == bytes);
        auto text = core::base64_encode(bytes);
        damage(from, text);
        if (const auto decoded = core::base64_decode(text)) REQUIRE(core::base64_encode(*decoded) == text);
    }
}

TEST_CASE("property: an Avro record comes back, a damaged one is refused or means something else", "[property]") {
    INFO("seed " << seed());
    for (source from; from.kept.size() < 20000;) {
        const auto message = random_message(from);
        std::string bytes;
        append_avro(bytes, message);
        const auto decoded = decode_avro(bytes);
        REQUIRE(decoded);
        REQUIRE(*decoded == message);
        auto damaged = bytes;
        damage(from, damaged);
        const auto other = decode_avro(damaged);
        if (!other) continue;
        std::string again;
        append_avro(again, *other);
        REQUIRE(decode_avro(again).value() == *other);
    }
}

TEST_CASE("property: frames come back", "[property]") {
    INFO("seed " << seed());
    source from;
    for (int i = 0; i < 5000; ++i) {
        const auto record = from.bytes(200);
        const std::uint64_t number = from.random() >> from.below(64);
        std::string text;
        append_producer_frame(text, number, record);
        const auto produced = parse_producer_frame(text);
        REQUIRE(produced);
        REQUIRE(produced->sequence == number);
        std::string payload;
        REQUIRE(append_record(payload, produced->base64, 200));
        REQUIRE(payload == record);
        const ack_position position{number, from.random() >> from.below(64)};
        std::string header;
        append_ack_header(header, position);
        REQUIRE(parse_ack_header(header).value() == position);
        text.clear();
        append_consumer_frame(text, header, record);
        REQUIRE(parse_consumer_frame(text)->ack_header == header);
        damage(from, header);
        const auto other = parse_ack_header(header);
        if (!other) continue;
        std::string again;
        append_ack_header(again, *other);
        REQUIRE(again == header); // strict: one text per position
    }
}

TEST_CASE("property: no damaged token is accepted", "[property]") {
    INFO("seed " << seed());
    source from;
    const auto key = signing_key::generate().value();
    const auto secret = auth::link_secret::from_text("0123456789abcdef").value();
    token_claims claims;
    claims.subscriber = "s";
    claims.topic = {"t", "mqtt", "a/b"};
    claims.expires_at_s = 10;
    const auto token = issue_token(claims, key).value();
    auth::link_claims link;
    link.tenants = {"t1", "t2"};
    const auto link_text = auth::mint_link_token(link, secret).value();
    for (int i = 0; i < 2000; ++i) {
        auto damaged = token;
        damage(from, damaged);
        REQUIRE((damaged == token || !open_token(damaged, key)));
        damaged = link_text;
        damage(from, damaged);
        REQUIRE((damaged == link_text || !auth::verify_link_token(damaged, secret, 0)));
    }
}
