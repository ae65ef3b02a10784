// libFuzzer: a script for one session. The first bytes choose settings and the driver's habits, each further step is
// something that the client sends, the driver answers or the clock does. tests/support/session_model checks it all.
#include "tests/fuzz/byte_source.hpp"
#include "tests/fuzz/client_packets.hpp"
#include "tests/support/session_model.hpp"

#include <array>

using namespace broker;
using fuzzing::byte_source;
using fuzzing::client_packets;
using mqtt::reason_code;
using session::session_settings;
using session_model::ending;
using session_model::habits;
using session_model::model;

namespace {

const std::array<session_settings, 4>& profiles() {
    static const std::array<session_settings, 4> all = [] {
        std::array<session_settings, 4> made;
        made[0] = session_settings::preview();
        made[1] = session_settings::ga();
        session_settings& narrow = made[2];
        narrow.receive_maximum = 2;
        narrow.deliveries_in_flight_3x = narrow.deliveries_in_flight_max = 3;
        narrow.subscriptions_max = 2;
        narrow.packet_bytes_max = 200;
        narrow.server_keep_alive_s = 0;
        session_settings& strict = made[3];
        strict = session_settings::ga();
        strict.unsupported_filter = session::unsupported_filter_policy::disconnect;
        strict.wildcards = false;
        strict.error_topic_offered = false;
        strict.payload_format_checked = false;
        strict.keep_alive_s_max = 10;
        strict.deliveries_in_flight_max = 9;
        return made;
    }();
    return all;
}

habits habits_from(byte_source& in) {
    const unsigned bits = in.u8();
    habits made;
    made.login_at_once = (bits & 1) != 0;
    made.claim_at_once = (bits & 2) != 0;
    made.settle_at_once = (bits & 4) != 0;
    made.answer_at_once = (bits & 8) != 0;
    made.deliver_when_connected = (bits & 16) != 0;
    // Rare ones: most scripts should get further.
    made.evict_in_publish = (bits & 0xE0) == 0xE0;
    made.evict_in_subscribe = (bits & 0xE0) == 0xC0;
    made.takes_publishes = (bits & 0xE0) != 0xA0;
    return made;
}

/// Mostly success; any failure otherwise, also those that the answer's packet cannot carry.
reason_code outcome_from(byte_source& in) {
    const std::uint8_t byte = in.u8();
    return byte < 0xA8 ? reason_code::success : static_cast<reason_code>(0x80 + (byte - 0xA8) % 0x23);
}
reason_code failure_from(byte_source& in) { return static_cast<reason_code>(0x80 + in.u8() % 0x23); }

void deliver(model& talk, byte_source& in) {
    static const std::string filler(300, 'd');
    static constexpr std::string_view properties[] = {"", {"\x01\x01", 2}, {"\x26\0\1a\0\1b\x03\0\1c", 11}};
    const unsigned bits = in.u8();
    session::delivery message;
    message.topic = client_packets::name(bits >> 5);
    message.payload = std::string_view(filler).substr(0, in.u8());
    message.properties = properties[(bits >> 2 & 3) % 3];
    message.qos = static_cast<std::uint8_t>(bits & 1);
    message.dup = (bits & 2) != 0;
    message.position = in.u8();
    message.credit_bytes = bits;
    talk.deliver(message);
}

void answer(model& talk, byte_source& in, unsigned step) {
    switch (step & 7) {
    case 0: return talk.answer_login(outcome_from(in), &profiles()[in.u8() & 3]);
    case 1: return talk.answer_claim(outcome_from(in));
    case 2: return talk.settle(session::publish_verdict::stored);
    case 3: return talk.settle(session::publish_verdict::no_subscribers);
    case 4: return talk.settle(session::publish_verdict::refused, outcome_from(in));
    case 5: {
        const std::uint8_t which = in.u8();
        return talk.answer_request(which, outcome_from(in));
    }
    case 6: {
        const std::uint8_t identifier = in.u8();
        return talk.stray_answers(identifier, in.u8());
    }
    default: return talk.rest();
    }
}

void end(model& talk, byte_source& in, unsigned step) {
    if (step % 6 == 5) return talk.no_connect_in_time();
    talk.end(static_cast<ending>(step % 6), failure_from(in));
}

void take_step(model& talk, client_packets& client, byte_source& in) {
    const unsigned step = in.u8();
    if (step < 0x80) return talk.send(client.next(step, talk.version(), in));
    if (step < 0xC0) return answer(talk, in, step);
    if (step < 0xF0) return deliver(talk, in);
    if (step < 0xF8) return end(talk, in, step);
    talk.ways = habits_from(in);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static model talk;
    static client_packets client;
    if (size < 3) return 0;
    byte_source in(data, size);
    const unsigned first = in.u8();
    talk.start(profiles()[first & 3], habits_from(in));
    client.start();
    while (talk.alive() && !in.empty()) take_step(talk, client, in);
    talk.finish(static_cast<ending>((first >> 2) % 5));
    return 0;
}
