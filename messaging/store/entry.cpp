#include "messaging/store/entry.hpp"

#include "messaging/store/crc32c.hpp"

#include <array>

namespace messaging::store {
namespace {

// Byte positions of FORMAT.md, "Entry".
constexpr std::size_t crc_at = 4, commit_at = 8, type_at = 16, flags_at = 17, zero_at = 18, topic_at = 20,
                      position_at = 24, time_at = 32;

/// What an entry's checksum begins with: the part that is not in the file.
std::uint32_t checksum_begin(std::uint32_t length, std::uint64_t generation, std::uint32_t offset) noexcept {
    std::array<std::byte, 16> seed;
    core::store_big_endian(seed.data(), generation);
    core::store_big_endian(seed.data() + 8, offset);
    core::store_big_endian(seed.data() + 12, length);
    return crc32c(seed);
}

std::uint32_t checksum(const std::byte* entry, std::uint32_t length, std::uint64_t generation,
                       std::uint32_t offset) noexcept {
    return crc32c({entry + commit_at, length - commit_at}, checksum_begin(length, generation, offset));
}

} // namespace

void write_entry_header(std::byte* to, const entry_view& entry) noexcept {
    core::store_big_endian(to, entry.bytes());
    core::store_big_endian(to + crc_at, std::uint32_t{0});
    core::store_big_endian(to + commit_at, entry.commit);
    to[type_at] = static_cast<std::byte>(entry.type);
    to[flags_at] = static_cast<std::byte>(entry.flags);
    core::store_big_endian(to + zero_at, std::uint16_t{0});
    core::store_big_endian(to + topic_at, entry.topic);
    core::store_big_endian(to + position_at, entry.position);
    core::store_big_endian(to + time_at, static_cast<std::uint64_t>(entry.time_ms));
}

void seal_entry(std::byte* entry, std::uint64_t generation, std::uint32_t offset) noexcept {
    core::store_big_endian(entry + crc_at, checksum(entry, entry_length(entry), generation, offset));
}

void seal_entry_in_parts(std::byte* header, std::span<const std::string> body, std::uint64_t generation,
                         std::uint32_t offset) noexcept {
    std::uint32_t crc = checksum_begin(entry_length(header), generation, offset);
    crc = crc32c({header + commit_at, entry_header_bytes - commit_at}, crc);
    for (const std::string& part : body) crc = crc32c(core::as_bytes(part), crc);
    core::store_big_endian(header + crc_at, crc);
}

entry_view view_entry(const std::byte* entry) noexcept {
    entry_view view;
    view.commit = core::load_big_endian<std::uint64_t>(entry + commit_at);
    view.type = static_cast<entry_type>(entry[type_at]);
    view.flags = static_cast<std::uint8_t>(entry[flags_at]);
    view.topic = core::load_big_endian<std::uint32_t>(entry + topic_at);
    view.position = core::load_big_endian<std::uint64_t>(entry + position_at);
    view.time_ms = static_cast<std::int64_t>(core::load_big_endian<std::uint64_t>(entry + time_at));
    view.body = {entry + entry_header_bytes, entry_length(entry) - entry_header_bytes};
    return view;
}

std::optional<entry_view> check_entry(core::byte_span bytes, std::uint64_t generation, std::uint32_t offset) noexcept {
    if (bytes.size() < entry_header_bytes) return std::nullopt;
    const std::uint32_t length = entry_length(bytes.data());
    if (length < entry_header_bytes || length > bytes.size()) return std::nullopt;
    if (core::load_big_endian<std::uint16_t>(bytes.data() + zero_at) != 0) return std::nullopt;
    const auto stated = core::load_big_endian<std::uint32_t>(bytes.data() + crc_at);
    if (stated != checksum(bytes.data(), length, generation, offset)) return std::nullopt;
    return view_entry(bytes.data());
}

void write_commit_body(std::byte* to, const commit_body& body) noexcept {
    core::store_big_endian(to, body.batch_bytes);
    core::store_big_endian(to + 4, body.entry_count);
    core::store_big_endian(to + 8, body.synced);
}

std::optional<commit_body> read_commit_body(core::byte_span body) noexcept {
    core::byte_reader reader(body);
    commit_body read;
    read.batch_bytes = reader.u32();
    read.entry_count = reader.u32();
    read.synced = reader.u64();
    if (!reader.done()) return std::nullopt;
    return read;
}

} // namespace messaging::store
