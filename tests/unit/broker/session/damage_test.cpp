// Every truncation and every single-bit flip of every sample, through a session in the phase the packet belongs in:
// the right answer or the right end, whatever the profile. `session_model` checks all that holds in general.
#include "tests/support/packet_samples.hpp"
#include "tests/support/session_model.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace broker;
using mqtt::packet_type;
using mqtt::protocol_version;
using mqtt::reason_code;
using packet_samples::sample;
using session::close_reason;
using session::session_settings;
using session_model::ending;
using session_model::model;

namespace {

packet_type type_in(std::string_view bytes) {
    return static_cast<packet_type>(static_cast<unsigned char>(bytes[0]) >> 4);
}

/// How a 5.0 client may be told that a packet of this type ends the connection.
bool may_end_with(packet_type type, reason_code code) {
    using enum reason_code;
    if (code == malformed_packet || code == protocol_error || code == packet_too_large) return true;
    if (type == packet_type::publish)
        return code == topic_name_invalid || code == topic_alias_invalid || code == retain_not_supported ||
               code == qos_not_supported || code == receive_maximum_exceeded;
    if (type == packet_type::subscribe)
        return code == topic_filter_invalid || code == shared_subscriptions_not_supported ||
               code == subscription_identifiers_not_supported || code == wildcard_subscriptions_not_supported;
    if (type == packet_type::connect)
        return code == unsupported_protocol_version || code == client_identifier_not_valid ||
               code == bad_authentication_method || code == not_authorized || code == topic_name_invalid ||
               code == quota_exceeded || code == payload_format_invalid || code == retain_not_supported ||
               code == qos_not_supported;
    return false;
}

void answer_all(model& talk) {
    while (talk.alive() && talk.open_questions()) {
        talk.answer_login(reason_code::success);
        talk.answer_claim(reason_code::success);
        talk.settle(session::publish_verdict::stored);
        talk.answer_request(0);
    }
}

/// A session that is where this packet makes most difference.
void begin(model& talk, const sample& what, const session_settings& settings) {
    talk.start(settings, {});
    if (what.type == packet_type::connect) return;
    const auto level = static_cast<unsigned>(what.version);
    talk.send(packet_bytes::connect(level, "c1"));
    talk.send(packet_bytes::subscribe(level, 8, "a/b", 1));
    answer_all(talk);
    REQUIRE(talk.connected());
    session::delivery message;
    message.topic = "a/b";
    message.qos = 1;
    message.position = 77;
    if (what.type == packet_type::puback) talk.deliver(message);
    if (what.type == packet_type::publish || what.type == packet_type::pubrel)
        talk.send(packet_bytes::publish(level, 2, "a/b", 0x1234, "waits"));
    if (what.type == packet_type::subscribe || what.type == packet_type::unsubscribe)
        talk.send(packet_bytes::subscribe(level, 9, "d", 0));
}

/// The sample with the identifier of the delivery that is in flight, where it has one.
std::string fitted(const sample& what) {
    std::string bytes = what.bytes;
    if (what.type == packet_type::puback) std::copy_n("\x00\x01", 2, bytes.begin() + 2);
    return bytes;
}

void check_end(const model& talk, packet_type type, bool other_packets_follow) {
    const bool v5 = talk.version() == protocol_version::v5;
    if (!talk.connected()) {
        if (talk.told()) CHECK(may_end_with(packet_type::connect, *talk.told()));
        CHECK(!talk.will_published());
        return;
    }
    if (!v5) CHECK_FALSE(talk.told());
    if (!v5 || talk.closed_because() == close_reason::client_disconnected) return;
    REQUIRE(talk.told());
    const bool fits = may_end_with(type, *talk.told()) ||
                      (other_packets_follow && (may_end_with(packet_type::publish, *talk.told()) ||
                                                may_end_with(packet_type::subscribe, *talk.told())));
    CHECK(fits);
}

/// Sends the bytes, answers what the driver is asked, looks at the end if it is one, and ends what goes on.
void try_bytes(model& talk, std::string_view bytes, bool other_packets_follow, ending last) {
    const std::size_t before = talk.bytes_received();
    REQUIRE_NOTHROW(talk.send(bytes));
    REQUIRE_NOTHROW(answer_all(talk));
    CHECK(talk.bytes_received() - before <= 16 * bytes.size() + 512);
    if (!talk.alive()) check_end(talk, type_in(bytes), other_packets_follow);
    const bool was_alive = talk.alive();
    const bool connected = talk.connected();
    REQUIRE_NOTHROW(talk.finish(last));
    // What is left of a packet that claims to be longer keeps nobody: silence ends the connection.
    if (was_alive && connected && talk.version() == protocol_version::v5 && last == ending::silence)
        CHECK(talk.told() == reason_code::keep_alive_timeout);
}

const session_settings& profile(bool ga) {
    static const session_settings settings[] = {session_settings::preview(), session_settings::ga()};
    return settings[ga ? 1 : 0];
}

} // namespace

TEST_CASE("every single-bit flip of every sample has the right end or none") {
    const bool ga = GENERATE(false, true);
    model talk;
    for (const sample& each : packet_samples::all()) {
        const std::string whole = fitted(each);
        const std::size_t header = whole.size() > 129 ? 3 : 2;
        for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
            std::string bytes = whole;
            bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
            INFO(each.name << " level " << static_cast<int>(each.version) << ": " << packet_bytes::dump(bytes));
            begin(talk, each, profile(ga));
            const bool in_length = bit >= 8 && bit < header * 8;
            try_bytes(talk, bytes, in_length, bit % 2 == 0 ? ending::silence : ending::shutdown);
        }
    }
}

TEST_CASE("a packet that is cut short waits for the rest, until the client hangs up or is silent too long") {
    const bool ga = GENERATE(false, true);
    const ending last = GENERATE(ending::hang_up, ending::silence, ending::eviction);
    model talk;
    for (const sample& each : packet_samples::all()) {
        const std::string whole = fitted(each);
        for (std::size_t size = 1; size < whole.size(); ++size) {
            INFO(each.name << " level " << static_cast<int>(each.version) << " cut to " << size);
            begin(talk, each, profile(ga));
            const std::size_t before = talk.bytes_received();
            REQUIRE_NOTHROW(talk.send(std::string_view(whole).substr(0, size)));
            CHECK(talk.alive());
            CHECK(talk.bytes_received() == before);
            const bool connected = talk.connected();
            REQUIRE_NOTHROW(talk.end(last));
            CHECK(talk.will_published() == connected);
        }
    }
}

TEST_CASE("a packet in two pieces is the packet") {
    model talk;
    for (const sample& each : packet_samples::all()) {
        const std::string whole = fitted(each);
        begin(talk, each, profile(false));
        talk.send(whole);
        answer_all(talk);
        const auto received = talk.bytes_received();
        const auto told = talk.told();
        const bool alive = talk.alive();
        for (std::size_t size = 1; size < whole.size(); ++size) {
            INFO(each.name << " level " << static_cast<int>(each.version) << " cut at " << size);
            begin(talk, each, profile(false));
            talk.send(std::string_view(whole).substr(0, size));
            talk.send(std::string_view(whole).substr(size));
            answer_all(talk);
            CHECK(talk.bytes_received() == received);
            CHECK(talk.told() == told);
            CHECK(talk.alive() == alive);
        }
    }
}

TEST_CASE("every truncation with a matching remaining length has the right end or none") {
    const bool ga = GENERATE(false, true);
    model talk;
    for (const sample& each : packet_samples::all()) {
        const std::string whole = fitted(each);
        const std::size_t header = whole.size() > 129 ? 3 : 2;
        for (std::size_t size = header; size < whole.size(); ++size) {
            const std::string bytes = packet_bytes::packet(static_cast<unsigned char>(whole[0]),
                                                           std::string_view(whole).substr(header, size - header));
            INFO(each.name << " shortened to " << packet_bytes::dump(bytes));
            begin(talk, each, profile(ga));
            try_bytes(talk, bytes, false, ending::silence);
        }
    }
}
