// libFuzzer: the first byte selects version, limit and how the rest arrives, which is decoded packet by packet. What
// comes in pieces must decode as the whole does, from blocks of exactly the bytes that arrived; what decodes holds
// views of its own bytes only, and encodes to bytes that decode to the same.
#include "broker/mqtt/decoder.hpp"
#include "broker/mqtt/encoder.hpp"
#include "tests/fuzz/packet_views.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

using namespace broker::mqtt;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

/// Exactly one of: decoded, more needed, refused; and nothing beyond the input or the limit.
void check_outcome(const decode_result& result, core::byte_span input, std::uint32_t packet_bytes_max) {
    require((result.consumed != 0 ? 1 : 0) + (result.need_more ? 1 : 0) + (result.failed() ? 1 : 0) == 1);
    require(result.consumed <= std::min<std::size_t>(input.size(), packet_bytes_max));
    require((result.consumed != 0) == (type_of(result.value) != packet_type::none));
    require(result.packet_bytes == 0 ||
            (result.need_more && result.packet_bytes > input.size() && result.packet_bytes <= packet_bytes_max));
    if (result.failed()) require(is_failure(result.error.code) && !result.error.text.empty());
    fuzzing::for_each_view(result.value, [input, &result](std::string_view view) {
        if (view.data() == nullptr) return;
        const auto begin = reinterpret_cast<std::uintptr_t>(input.data());
        const auto at = reinterpret_cast<std::uintptr_t>(view.data());
        require(at >= begin && at + view.size() <= begin + result.consumed);
    });
}

bool same(const decode_result& one, const decode_result& other) {
    return one.consumed == other.consumed && one.need_more == other.need_more && one.error.code == other.error.code &&
           one.error.text == other.error.text && one.error.version == other.error.version &&
           one.error.type == other.error.type && type_of(one.value) == type_of(other.value);
}

/// The beginning of a packet never decodes to something else than the packet.
void check_piece(core::byte_span input, std::size_t size, const decode_result& whole, protocol_version version,
                 std::uint32_t packet_bytes_max) {
    const std::unique_ptr<std::byte[]> block(new std::byte[size]);
    std::copy_n(input.data(), size, block.get());
    const core::byte_span piece(block.get(), size);
    const decode_result result = decode(piece, version, packet_bytes_max);
    check_outcome(result, piece, packet_bytes_max);
    if (result.failed()) return require(same(result, whole));
    if (result.consumed != 0) return require(size >= whole.consumed && same(result, whole));
    if (result.packet_bytes != 0 && whole.consumed != 0) require(result.packet_bytes == whole.consumed);
    require(whole.need_more || whole.failed() || size < whole.consumed);
}

void check_again(const packet& value, protocol_version version) {
    static std::string bytes, again, scratch;
    bytes.clear();
    encode(bytes, value, version);
    const decode_result second = decode(core::as_bytes(bytes), version, 0xFFFFFFFF);
    require(second.consumed == bytes.size() && type_of(second.value) == type_of(value));
    again.clear();
    encode(again, second.value, version);
    require(again == bytes);
    const auto* publish = std::get_if<publish_packet>(&value);
    if (publish == nullptr) return;
    const std::string_view passed = pass_through_properties(*publish, scratch);
    require(passed.size() <= publish->properties.size());
    outgoing_publish outgoing;
    outgoing.topic = publish->topic;
    outgoing.payload = publish->payload;
    outgoing.properties = passed;
    outgoing.qos = publish->qos;
    outgoing.packet_identifier = publish->packet_identifier;
    bytes.clear();
    encode_publish(bytes, outgoing, version);
    require(bytes.size() == encoded_size(outgoing, version));
    const decode_result sent = decode(core::as_bytes(bytes), version, 0xFFFFFFFF);
    require(sent.consumed == bytes.size());
    const auto& got = *std::get_if<publish_packet>(&sent.value);
    require(got.topic == publish->topic && got.payload == publish->payload && got.properties == passed);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    constexpr protocol_version versions[] = {protocol_version::unknown, protocol_version::v3_1,
                                             protocol_version::v3_1_1, protocol_version::v5};
    protocol_version version = versions[data[0] & 3];
    const std::uint32_t packet_bytes_max = (data[0] & 4) != 0 ? 64 : 131'072;
    const std::size_t cut = data[0] >> 3;
    core::byte_span left(reinterpret_cast<const std::byte*>(data + 1), size - 1);
    while (!left.empty()) {
        const decode_result result = decode(left, version, packet_bytes_max);
        check_outcome(result, left, packet_bytes_max);
        const std::size_t end = result.consumed != 0 ? result.consumed : left.size();
        for (const std::size_t piece : {std::size_t{1}, cut, end / 2, end - 1, end})
            if (piece != 0 && piece <= end) check_piece(left, piece, result, version, packet_bytes_max);
        if (result.consumed == 0) break;
        if (const auto* connect = std::get_if<connect_packet>(&result.value)) version = connect->version;
        check_again(result.value, version);
        left = left.subspan(result.consumed);
    }
    return 0;
}
