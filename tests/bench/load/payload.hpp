// What a bench message carries, so that whoever receives it can check order, loss, repeats and age.
//   binary:  0 run u32 | 4 publisher u32 | 8 sequence u64 (from 0) | 16 sent, steady nanoseconds u64 | filler
//   JSON:    {"publisher":%10u,"sequence":%20u,"sent":%20u,"temperature":21.5,"filler":"xxx"}, numbers right-aligned,
//   so
//            that a packet is built once and patched in place. Big-endian as everything in this system.
#pragma once

#include "common/core/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>

namespace bench {

constexpr std::size_t stamp_bytes = 24;
constexpr std::size_t json_bytes_min = 128;
constexpr std::size_t payload_bytes_max = 16'000'000;
constexpr unsigned inflight_max = 30'000;

struct stamp {
    std::uint32_t run = 0;
    std::uint32_t publisher = 0;
    std::uint64_t sequence = 0;
    std::uint64_t sent_ns = 0;
};

inline std::uint64_t steady_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

inline void write_stamp(char* to, const stamp& value) noexcept {
    core::store_big_endian(to, value.run);
    core::store_big_endian(to + 4, value.publisher);
    core::store_big_endian(to + 8, value.sequence);
    core::store_big_endian(to + 16, value.sent_ns);
}

/// Precondition: `stamp_bytes` readable bytes.
inline stamp read_stamp(const char* from) noexcept {
    return {.run = core::load_big_endian<std::uint32_t>(from),
            .publisher = core::load_big_endian<std::uint32_t>(from + 4),
            .sequence = core::load_big_endian<std::uint64_t>(from + 8),
            .sent_ns = core::load_big_endian<std::uint64_t>(from + 16)};
}

/// Right-aligned decimal in a field of spaces; more digits than `width` are cut on the left.
inline void write_decimal(char* to, std::size_t width, std::uint64_t number) noexcept {
    std::memset(to, ' ', width);
    do {
        to[--width] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0 && width != 0);
}

/// A JSON payload of exactly `bytes` (at least json_bytes_min) with empty number fields, see patch_json.
std::string json_payload(std::size_t bytes);
void patch_json(char* payload, const stamp& value) noexcept;

} // namespace bench
