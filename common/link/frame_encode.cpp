#include "common/link/frame.hpp"

namespace msg_link {

namespace {

/// Writes the head, lets the caller append the body, and fills in the length at the end.
class frame_scope {
  public:
    frame_scope(std::string& out, type kind) : out_(out), at_(out.size()), write(out) {
        write.u32(0);
        write.u8(static_cast<std::uint8_t>(kind));
    }
    ~frame_scope() { core::store_big_endian(out_.data() + at_, static_cast<std::uint32_t>(out_.size() - at_ - 4)); }
    frame_scope(const frame_scope&) = delete;
    frame_scope& operator=(const frame_scope&) = delete;

  private:
    std::string& out_;
    std::size_t at_;

  public:
    core::byte_writer write;
};

void write_bytes32(core::byte_writer& write, core::byte_span bytes) {
    write.u32(static_cast<std::uint32_t>(bytes.size()));
    write.bytes(bytes);
}

void write_runs(core::byte_writer& write, const std::vector<run>& runs) {
    write.u16(static_cast<std::uint16_t>(runs.size()));
    for (const auto& one : runs) {
        write.u64(one.first);
        write.u32(one.length);
        write.u8(static_cast<std::uint8_t>(one.why));
    }
}

void write_answer(core::byte_writer& write, const stream_answer& frame) {
    write.u8(static_cast<std::uint8_t>(frame.why));
    write.text_u16(frame.message);
}

} // namespace

void encode(std::string& out, const hello& frame) {
    frame_scope scope(out, type::hello);
    scope.write.u16(frame.version);
    scope.write.u64(frame.session);
    scope.write.u64(frame.producer);
    scope.write.u64(frame.first_sequence);
}

void encode_resume_stream(std::string& out, std::uint32_t stream, std::uint64_t taken,
                          std::span<const std::uint64_t> outstanding, std::uint64_t taken_messages,
                          std::uint64_t taken_bytes) {
    frame_scope scope(out, type::resume_stream);
    scope.write.u32(stream);
    scope.write.u64(taken);
    scope.write.u64(taken_messages);
    scope.write.u64(taken_bytes);
    scope.write.u16(static_cast<std::uint16_t>(outstanding.size()));
    for (const auto position : outstanding) scope.write.u64(position);
}

void encode_resume_claim(std::string& out, std::uint64_t claim) {
    frame_scope scope(out, type::resume_claim);
    scope.write.u64(claim);
}

void encode_hello_end(std::string& out) { frame_scope scope(out, type::hello_end); }

void encode(std::string& out, type kind, const topic& frame) {
    frame_scope scope(out, kind);
    scope.write.u32(frame.number);
    scope.write.text_u16(frame.tenant);
    scope.write.text_u16(frame.name_space);
    scope.write.text_u16(frame.name);
}

void encode_topic_close(std::string& out, std::uint32_t number) {
    frame_scope scope(out, type::topic_close);
    scope.write.u32(number);
}

void encode_topic_forgotten(std::string& out, std::uint32_t number) {
    frame_scope scope(out, type::topic_forgotten);
    scope.write.u32(number);
}

void encode_publish_head(std::string& out, std::uint32_t topic, std::uint64_t claim, std::size_t record_size) {
    char head[17];
    core::store_big_endian(head, static_cast<std::uint32_t>(13 + record_size));
    head[4] = static_cast<char>(type::publish);
    core::store_big_endian(head + 5, topic);
    core::store_big_endian(head + 9, claim);
    out.append(head, sizeof head);
}

void encode(std::string& out, const claim& frame) {
    frame_scope scope(out, type::claim);
    scope.write.u8(static_cast<std::uint8_t>((frame.has_will ? 1 : 0) | (frame.fail_after_refusal ? 2 : 0)));
    scope.write.text_u16(frame.tenant);
    scope.write.text_u16(frame.client_id);
    if (!frame.has_will) return;
    scope.write.text_u16(frame.will_name_space);
    scope.write.text_u16(frame.will_name);
    write_bytes32(scope.write, frame.will_record);
}

void encode(std::string& out, const release& frame) {
    frame_scope scope(out, type::release);
    scope.write.u64(frame.claim);
    scope.write.u8(frame.publish_will ? 1 : 0);
}

void encode(std::string& out, const subscribe& frame) {
    frame_scope scope(out, type::subscribe);
    scope.write.u32(frame.stream);
    scope.write.u64(frame.claim);
    scope.write.u8(static_cast<std::uint8_t>(frame.type));
    scope.write.u8(static_cast<std::uint8_t>(frame.durability));
    scope.write.u8(static_cast<std::uint8_t>(frame.start));
    scope.write.text_u16(frame.tenant);
    scope.write.text_u16(frame.name_space);
    scope.write.text_u16(frame.name);
    if (!frame.consumer.empty()) scope.write.text_u16(frame.consumer);
}

void encode_filter_add(std::string& out, const filter& frame) {
    frame_scope scope(out, type::filter_add);
    scope.write.u32(frame.stream);
    scope.write.u32(frame.request);
    scope.write.u8(frame.qos);
    scope.write.text_u16(frame.filter);
}

void encode_filter_remove(std::string& out, const filter& frame) {
    frame_scope scope(out, type::filter_remove);
    scope.write.u32(frame.stream);
    scope.write.u32(frame.request);
    scope.write.text_u16(frame.filter);
}

void encode(std::string& out, const credit& frame) {
    frame_scope scope(out, type::credit);
    scope.write.u32(frame.stream);
    scope.write.u64(frame.messages);
    scope.write.u64(frame.bytes);
}

void encode(std::string& out, const window& frame) {
    frame_scope scope(out, type::window);
    scope.write.u64(frame.records);
    scope.write.u64(frame.bytes);
}

void encode_acknowledge(std::string& out, std::uint32_t stream, std::span<const std::uint64_t> ranges) {
    frame_scope scope(out, type::acknowledge);
    scope.write.u32(stream);
    scope.write.u16(static_cast<std::uint16_t>(ranges.size() / 2));
    for (const auto position : ranges) scope.write.u64(position);
}

void encode_negative_acknowledge(std::string& out, std::uint32_t stream, std::uint32_t delay_ms,
                                 std::span<const std::uint64_t> ranges) {
    frame_scope scope(out, type::negative_acknowledge);
    scope.write.u32(stream);
    scope.write.u32(delay_ms);
    scope.write.u16(static_cast<std::uint16_t>(ranges.size() / 2));
    for (const auto position : ranges) scope.write.u64(position);
}

void encode(std::string& out, const stream_close& frame) {
    frame_scope scope(out, type::stream_close);
    scope.write.u32(frame.stream);
    scope.write.u8(frame.remove ? 1 : 0);
}

void encode(std::string& out, const seek& frame) {
    frame_scope scope(out, type::seek);
    scope.write.u32(frame.stream);
    scope.write.u8(static_cast<std::uint8_t>(frame.to));
    scope.write.u64(frame.time_ms);
}

void encode_state_put(std::string& out, const state_request& frame) {
    frame_scope scope(out, type::state_put);
    scope.write.u32(frame.request);
    scope.write.text_u16(frame.tenant);
    scope.write.text_u16(frame.name_space);
    scope.write.text_u16(frame.key);
    scope.write.u8(frame.flag ? 1 : 0);
    write_bytes32(scope.write, frame.value);
}

void encode_state_get(std::string& out, const state_request& frame) {
    frame_scope scope(out, type::state_get);
    scope.write.u32(frame.request);
    scope.write.text_u16(frame.tenant);
    scope.write.text_u16(frame.name_space);
    scope.write.text_u16(frame.key);
    scope.write.u8(frame.flag ? 1 : 0);
}

void encode(std::string& out, const welcome& frame) {
    frame_scope scope(out, type::welcome);
    scope.write.u16(frame.version);
    scope.write.u64(frame.incarnation);
    scope.write.u8(frame.resumed ? 1 : 0);
    scope.write.u64(frame.settled);
    scope.write.u32(frame.unsettled_frames_max);
    scope.write.u32(frame.unsettled_bytes_max);
    scope.write.u32(frame.record_bytes_max);
    scope.write.u32(frame.lease_ms);
    write_runs(scope.write, frame.runs);
}

void encode(std::string& out, const settled& frame) {
    frame_scope scope(out, type::settled);
    scope.write.u64(frame.up_to);
    write_runs(scope.write, frame.runs);
}

void encode_subscribed(std::string& out, const stream_answer& frame) {
    frame_scope scope(out, type::subscribed);
    scope.write.u32(frame.stream);
    write_answer(scope.write, frame);
}

void encode_stream_ended(std::string& out, const stream_answer& frame) {
    frame_scope scope(out, type::stream_ended);
    scope.write.u32(frame.stream);
    write_answer(scope.write, frame);
}

void encode_filter_done(std::string& out, const stream_answer& frame) {
    frame_scope scope(out, type::filter_done);
    scope.write.u32(frame.stream);
    scope.write.u32(frame.request);
    write_answer(scope.write, frame);
}

void encode_deliver(std::string& out, std::span<const std::uint32_t> streams, std::uint32_t topic,
                    std::uint64_t position, std::uint8_t delivery_count, core::byte_span record) {
    frame_scope scope(out, type::deliver);
    scope.write.u16(static_cast<std::uint16_t>(streams.size()));
    for (const auto stream : streams) scope.write.u32(stream);
    scope.write.u32(topic);
    scope.write.u64(position);
    scope.write.u8(delivery_count);
    scope.write.bytes(record);
}

void encode(std::string& out, const claimed& frame) {
    frame_scope scope(out, type::claimed);
    scope.write.u64(frame.sequence);
    scope.write.u64(frame.claim);
    scope.write.u8(static_cast<std::uint8_t>(frame.why));
    scope.write.text_u16(frame.message);
}

void encode(std::string& out, const evicted& frame) {
    frame_scope scope(out, type::evicted);
    scope.write.u64(frame.claim);
    scope.write.u8(static_cast<std::uint8_t>(frame.why));
}

void encode(std::string& out, const state& frame) {
    frame_scope scope(out, type::state);
    scope.write.u32(frame.request);
    scope.write.u8(static_cast<std::uint8_t>(frame.why));
    scope.write.u32(static_cast<std::uint32_t>(frame.entries.size()));
    for (const auto& one : frame.entries) {
        scope.write.text_u16(one.key);
        write_bytes32(scope.write, one.value);
    }
}

} // namespace msg_link
