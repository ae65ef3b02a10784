#include "common/link/frame.hpp"

namespace msg_link {

namespace {

core::byte_span bytes32(core::byte_reader& read) noexcept {
    const auto length = read.u32();
    return read.bytes(length);
}

bool flag(core::byte_reader& read) noexcept {
    const auto value = read.u8();
    if (value > 1) read.fail();
    return value == 1;
}

template <class Enum> Enum limited(core::byte_reader& read, Enum largest) noexcept {
    const auto value = read.u8();
    if (value > static_cast<std::uint8_t>(largest)) read.fail();
    return static_cast<Enum>(value);
}

void read_runs(core::byte_reader& read, std::vector<run>& into) {
    const auto count = read.u16();
    for (std::size_t i = 0; i < count && read.ok(); ++i) {
        run one;
        one.first = read.u64();
        one.length = read.u32();
        one.why = static_cast<reason>(read.u8());
        into.push_back(one);
    }
}

} // namespace

bool next_frame(core::byte_span& batch, raw_frame& into) noexcept {
    if (batch.size() < 5) return false;
    const auto length = core::load_big_endian<std::uint32_t>(batch.data());
    if (length < 1 || length > batch.size() - 4) return false;
    into.whole = batch.first(4 + std::size_t{length});
    into.kind = static_cast<type>(batch[4]);
    into.body = into.whole.subspan(5);
    batch = batch.subspan(4 + std::size_t{length});
    return true;
}

bool decode(core::byte_span body, hello& into) noexcept {
    core::byte_reader read(body);
    into.version = read.u16();
    into.session = read.u64();
    into.producer = read.u64();
    into.first_sequence = read.u64();
    return read.done() && into.first_sequence > 0;
}

bool decode(core::byte_span body, resume_stream& into) noexcept {
    core::byte_reader read(body);
    into.stream = read.u32();
    into.taken = read.u64();
    into.taken_messages = read.u64();
    into.taken_bytes = read.u64();
    const auto count = read.u16();
    into.outstanding = position_list(read.bytes(std::size_t{count} * 8));
    return read.done();
}

bool decode(core::byte_span body, topic& into) noexcept {
    core::byte_reader read(body);
    into.number = read.u32();
    into.tenant = read.text_u16();
    into.name_space = read.text_u16();
    into.name = read.text_u16();
    return read.done();
}

bool decode(core::byte_span body, publish& into) noexcept {
    core::byte_reader read(body);
    into.topic = read.u32();
    into.claim = read.u64();
    into.record = read.rest();
    return read.ok();
}

bool decode(core::byte_span body, claim& into) noexcept {
    core::byte_reader read(body);
    const auto flags = read.u8();
    if (flags > 3) return false;
    into.has_will = (flags & 1) != 0;
    into.fail_after_refusal = (flags & 2) != 0;
    into.tenant = read.text_u16();
    into.client_id = read.text_u16();
    if (into.has_will) {
        into.will_name_space = read.text_u16();
        into.will_name = read.text_u16();
        into.will_record = bytes32(read);
    }
    return read.done();
}

bool decode(core::byte_span body, release& into) noexcept {
    core::byte_reader read(body);
    into.claim = read.u64();
    into.publish_will = flag(read);
    return read.done();
}

bool decode(core::byte_span body, subscribe& into) noexcept {
    core::byte_reader read(body);
    into.stream = read.u32();
    into.claim = read.u64();
    into.type = limited(read, subscription_type::key_shared);
    into.durability = limited(read, durability::durable);
    into.start = limited(read, start_at::earliest);
    into.tenant = read.text_u16();
    into.name_space = read.text_u16();
    into.name = read.text_u16();
    into.consumer = read.left() > 0 ? read.text_u16() : std::string_view{}; // version 1 ends here
    return read.done() && (into.stream & must_acknowledge) == 0;
}

bool decode_filter_add(core::byte_span body, filter& into) noexcept {
    core::byte_reader read(body);
    into.stream = read.u32();
    into.request = read.u32();
    into.qos = read.u8();
    into.filter = read.text_u16();
    return read.done() && into.qos <= 2;
}

bool decode_filter_remove(core::byte_span body, filter& into) noexcept {
    core::byte_reader read(body);
    into.stream = read.u32();
    into.request = read.u32();
    into.filter = read.text_u16();
    return read.done();
}

bool decode(core::byte_span body, credit& into) noexcept {
    core::byte_reader read(body);
    into.stream = read.u32();
    into.messages = read.u64();
    into.bytes = read.u64();
    return read.done();
}

bool decode(core::byte_span body, window& into) noexcept {
    core::byte_reader read(body);
    into.records = read.u64();
    into.bytes = read.u64();
    return read.done();
}

bool decode_acknowledge(core::byte_span body, acknowledge& into) noexcept {
    core::byte_reader read(body);
    into.stream = read.u32();
    const auto count = read.u16();
    into.from_to = position_list(read.bytes(std::size_t{count} * 16));
    return read.done();
}

bool decode_negative_acknowledge(core::byte_span body, acknowledge& into) noexcept {
    core::byte_reader read(body);
    into.stream = read.u32();
    into.delay_ms = read.u32();
    const auto count = read.u16();
    into.from_to = position_list(read.bytes(std::size_t{count} * 16));
    return read.done();
}

bool decode(core::byte_span body, stream_close& into) noexcept {
    core::byte_reader read(body);
    into.stream = read.u32();
    into.remove = flag(read);
    return read.done();
}

bool decode(core::byte_span body, seek& into) noexcept {
    core::byte_reader read(body);
    into.stream = read.u32();
    into.to = limited(read, seek_to::time);
    into.time_ms = read.u64();
    return read.done();
}

bool decode_state_put(core::byte_span body, state_request& into) noexcept {
    core::byte_reader read(body);
    into.request = read.u32();
    into.tenant = read.text_u16();
    into.name_space = read.text_u16();
    into.key = read.text_u16();
    into.flag = flag(read);
    into.value = bytes32(read);
    return read.done();
}

bool decode_state_get(core::byte_span body, state_request& into) noexcept {
    core::byte_reader read(body);
    into.request = read.u32();
    into.tenant = read.text_u16();
    into.name_space = read.text_u16();
    into.key = read.text_u16();
    into.flag = flag(read);
    return read.done();
}

bool decode_number(core::byte_span body, std::uint32_t& into) noexcept {
    core::byte_reader read(body);
    into = read.u32();
    return read.done();
}

bool decode_claim_number(core::byte_span body, std::uint64_t& into) noexcept {
    core::byte_reader read(body);
    into = read.u64();
    return read.done();
}

bool decode(core::byte_span body, welcome& into) {
    core::byte_reader read(body);
    into.version = read.u16();
    into.incarnation = read.u64();
    into.resumed = flag(read);
    into.settled = read.u64();
    into.unsettled_frames_max = read.u32();
    into.unsettled_bytes_max = read.u32();
    into.record_bytes_max = read.u32();
    into.lease_ms = read.u32();
    into.runs.clear();
    read_runs(read, into.runs);
    return read.done();
}

bool decode(core::byte_span body, settled& into) {
    core::byte_reader read(body);
    into.up_to = read.u64();
    into.runs.clear();
    read_runs(read, into.runs);
    return read.done();
}

bool decode_subscribed(core::byte_span body, stream_answer& into) noexcept {
    core::byte_reader read(body);
    into.stream = read.u32();
    into.why = static_cast<reason>(read.u8());
    into.message = read.text_u16();
    return read.done();
}

bool decode_filter_done(core::byte_span body, stream_answer& into) noexcept {
    core::byte_reader read(body);
    into.stream = read.u32();
    into.request = read.u32();
    into.why = static_cast<reason>(read.u8());
    into.message = read.text_u16();
    return read.done();
}

bool decode(core::byte_span body, deliver& into) noexcept {
    core::byte_reader read(body);
    const auto count = read.u16();
    into.streams = stream_list(read.bytes(std::size_t{count} * 4));
    into.topic = read.u32();
    into.position = read.u64();
    into.delivery_count = read.u8();
    into.record = read.rest();
    return read.ok() && count > 0;
}

bool decode(core::byte_span body, claimed& into) noexcept {
    core::byte_reader read(body);
    into.sequence = read.u64();
    into.claim = read.u64();
    into.why = static_cast<reason>(read.u8());
    into.message = read.text_u16();
    return read.done();
}

bool decode(core::byte_span body, evicted& into) noexcept {
    core::byte_reader read(body);
    into.claim = read.u64();
    into.why = static_cast<reason>(read.u8());
    return read.done();
}

bool decode(core::byte_span body, state& into) {
    core::byte_reader read(body);
    into.request = read.u32();
    into.why = static_cast<reason>(read.u8());
    const auto count = read.u32();
    into.entries.clear();
    for (std::uint32_t i = 0; i < count && read.ok(); ++i) {
        state_entry one;
        one.key = read.text_u16();
        one.value = bytes32(read);
        if (read.ok()) into.entries.push_back(one);
    }
    return read.done();
}

} // namespace msg_link
