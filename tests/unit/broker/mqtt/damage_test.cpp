// Every truncation and every single-bit flip of every sample: an answer, never a crash. Each input lies in a heap block
// of exactly its size, so that the address sanitizer sees any read beyond it.
#include "broker/mqtt/decoder.hpp"
#include "broker/mqtt/encoder.hpp"
#include "tests/support/packet_samples.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>

using namespace broker::mqtt;

namespace {

struct exact_bytes {
    explicit exact_bytes(std::string_view bytes) : data(new std::byte[bytes.size()]), size(bytes.size()) {
        std::transform(bytes.begin(), bytes.end(), data.get(), [](char c) { return static_cast<std::byte>(c); });
    }
    core::byte_span span() const { return {data.get(), size}; }
    std::unique_ptr<std::byte[]> data;
    std::size_t size;
};

void walk(const packet& value) {
    std::string scratch;
    if (const auto* publish = std::get_if<publish_packet>(&value)) (void)pass_through_properties(*publish, scratch);
    if (const auto* subscribe = std::get_if<subscribe_packet>(&value)) {
        subscription_reader entries(*subscribe);
        std::uint32_t count = 0;
        while (entries.next()) ++count;
        CHECK(count == subscribe->filter_count);
    }
    if (const auto* unsubscribe = std::get_if<unsubscribe_packet>(&value)) {
        filter_reader filters(*unsubscribe);
        std::uint32_t count = 0;
        while (filters.next()) ++count;
        CHECK(count == unsubscribe->filter_count);
    }
}

/// Exactly one of: decoded, more needed, refused.
void check_outcome(const decode_result& result, std::size_t size) {
    const int outcomes = (result.consumed != 0 ? 1 : 0) + (result.need_more ? 1 : 0) + (result.failed() ? 1 : 0);
    CHECK(outcomes == 1);
    CHECK(result.consumed <= size);
    CHECK((result.consumed != 0) == (type_of(result.value) != packet_type::none));
    walk(result.value);
}

} // namespace

TEST_CASE("every truncation of every sample needs more bytes") {
    for (const auto& sample : packet_samples::all())
        for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
            const exact_bytes input(std::string_view(sample.bytes).substr(0, size));
            const decode_result result = decode(input.span(), sample.version, 131'072);
            INFO(sample.name << " level " << static_cast<int>(sample.version) << " cut to " << size);
            CHECK(result.need_more);
            CHECK((result.packet_bytes == 0 || result.packet_bytes == sample.bytes.size()));
            check_outcome(result, size);
        }
}

TEST_CASE("every truncation with a matching remaining length has an outcome") {
    for (const auto& sample : packet_samples::all()) {
        const std::size_t header = sample.bytes.size() > 129 ? 3 : 2;
        for (std::size_t size = header; size < sample.bytes.size(); ++size) {
            const std::string shorter =
                packet_bytes::packet(static_cast<unsigned char>(sample.bytes[0]),
                                     std::string_view(sample.bytes).substr(header, size - header));
            const exact_bytes input(shorter);
            const decode_result result = decode(input.span(), sample.version, 131'072);
            INFO(sample.name << " shortened to " << packet_bytes::dump(shorter));
            CHECK_FALSE(result.need_more);
            check_outcome(result, shorter.size());
        }
    }
}

TEST_CASE("every single-bit flip of every sample has an outcome") {
    for (const auto& sample : packet_samples::all())
        for (std::size_t bit = 0; bit < sample.bytes.size() * 8; ++bit) {
            std::string bytes = sample.bytes;
            bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
            const exact_bytes input(bytes);
            for (const auto version : {sample.version, protocol_version::unknown}) {
                const decode_result result = decode(input.span(), version, 131'072);
                INFO(sample.name << ": " << packet_bytes::dump(bytes));
                check_outcome(result, bytes.size());
            }
        }
}
