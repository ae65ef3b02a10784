// libFuzzer: the first byte selects version and limit, the rest is decoded packet by packet. What decodes must encode,
// and decode again to the same type.
#include "broker/mqtt/decoder.hpp"
#include "broker/mqtt/encoder.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace broker::mqtt;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    constexpr protocol_version versions[] = {protocol_version::unknown, protocol_version::v3_1,
                                             protocol_version::v3_1_1, protocol_version::v5};
    protocol_version version = versions[data[0] & 3];
    const std::uint32_t packet_bytes_max = (data[0] & 4) != 0 ? 64 : 131'072;
    core::byte_span left(reinterpret_cast<const std::byte*>(data + 1), size - 1);
    while (!left.empty()) {
        const decode_result result = decode(left, version, packet_bytes_max);
        if (result.failed() || result.need_more) break;
        if (result.consumed == 0 || result.consumed > left.size()) std::abort();
        if (const auto* connect = std::get_if<connect_packet>(&result.value)) version = connect->version;
        std::string scratch;
        if (const auto* publish = std::get_if<publish_packet>(&result.value))
            (void)pass_through_properties(*publish, scratch);
        std::string again;
        encode(again, result.value, version);
        const decode_result second = decode(core::as_bytes(again), version, 0xFFFFFFFF);
        if (second.consumed != again.size() || type_of(second.value) != type_of(result.value)) std::abort();
        left = left.subspan(result.consumed);
    }
    return 0;
}
