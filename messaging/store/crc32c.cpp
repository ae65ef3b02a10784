#include "messaging/store/crc32c.hpp"

#include <array>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace messaging::store {
namespace {

using table = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b]: what byte b contributes when k zero bytes follow it; eight of them let a step take eight bytes.
constexpr table make_tables() {
    constexpr std::uint32_t polynomial = 0x82F63B78; // reflected
    table tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
        tables[0][byte] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k)
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = tables[k - 1][byte];
            tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
        }
    return tables;
}
constexpr table tables = make_tables();

std::uint64_t load_little_endian(const std::byte* from) noexcept {
    std::uint64_t value;
    std::memcpy(&value, from, sizeof value);
    if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
    return value;
}

std::uint32_t by_table(const std::byte* at, std::size_t left, std::uint32_t crc) noexcept {
    for (; left >= 8; left -= 8, at += 8) {
        const std::uint64_t eight = load_little_endian(at) ^ crc;
        crc = 0;
        for (std::size_t k = 0; k < 8; ++k) crc ^= tables[7 - k][(eight >> (8 * k)) & 0xFF];
    }
    for (; left > 0; --left, ++at) crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<std::uint8_t>(*at)) & 0xFF];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(const std::byte* at, std::size_t left,
                                                               std::uint32_t crc) noexcept {
    std::uint64_t wide = crc;
    for (; left >= 8; left -= 8, at += 8) wide = _mm_crc32_u64(wide, load_little_endian(at));
    crc = static_cast<std::uint32_t>(wide);
    for (; left > 0; --left, ++at) crc = _mm_crc32_u8(crc, static_cast<std::uint8_t>(*at));
    return crc;
}
#endif

} // namespace

std::uint32_t crc32c_by_table(core::byte_span bytes, std::uint32_t crc) noexcept {
    return ~by_table(bytes.data(), bytes.size(), ~crc);
}

std::uint32_t crc32c(core::byte_span bytes, std::uint32_t crc) noexcept {
#if defined(__x86_64__)
    static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
    if (has_instruction) return ~by_instruction(bytes.data(), bytes.size(), ~crc);
#endif
    return crc32c_by_table(bytes, crc);
}

} // namespace messaging::store
