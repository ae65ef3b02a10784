// The on-disk entry and its place in the log (FORMAT.md, "Entry"). Values and views only; used by the loop, the commit
// thread, the read thread and recovery alike.
#pragma once

#include "common/core/bytes.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace messaging::store {

/// Where an entry begins. Segments are numbered from 1 and never renumbered; {0, 0} is "nowhere".
struct location {
    std::uint32_t segment = 0;
    std::uint32_t offset = 0;
    constexpr auto operator<=>(const location&) const = default;
    constexpr explicit operator bool() const noexcept { return segment != 0; }
};

/// Values reach the disk: never renumber. 5 to 15 are kept for the store; 16 to 255 belong to the layer above, which
/// may cast any of them to entry_type: the store carries them without looking inside.
enum class entry_type : std::uint8_t {
    commit = 0,      ///< begins each batch: its length, its number of entries, what was synced before
    sync_mark = 1,   ///< says that all commits up to its commit number are synced
    message = 2,     ///< a record; counts as live until retired
    segment_end = 3, ///< nothing follows in this segment
    footer = 4,      ///< where the messages of this segment lie; stands before the end entry
    first_of_owner = 16
};

/// Bits of entry flags; never renumber.
namespace entry_flag {
inline constexpr std::uint8_t live = 1; ///< keeps its segment from being recycled until retired
inline constexpr std::uint8_t copy = 2; ///< copied forward: the same topic and position stood in an older segment
} // namespace entry_flag

inline constexpr std::size_t entry_header_bytes = 40;
inline constexpr std::size_t commit_entry_bytes = entry_header_bytes + 16;

/// Disk size of an entry with a body of that many bytes: the `bytes` of retire() and read_request.
constexpr std::uint32_t entry_bytes(std::size_t body_bytes) noexcept {
    return static_cast<std::uint32_t>(entry_header_bytes + body_bytes);
}

/// An entry without its bytes' owner: the body lives as long as what the view was taken from.
struct entry_view {
    std::uint64_t commit = 0;
    entry_type type = entry_type::commit;
    std::uint8_t flags = 0;
    std::uint32_t topic = 0;
    std::uint64_t position = 0;
    std::int64_t time_ms = 0;
    core::byte_span body;

    std::uint32_t bytes() const noexcept { return entry_bytes(body.size()); }
    bool live() const noexcept { return (flags & entry_flag::live) != 0; }
};

/// Writes the header without checksum; `to` has room for entry_header_bytes, the body follows it.
void write_entry_header(std::byte* to, const entry_view& entry) noexcept;
/// Writes the checksum of the whole entry at `entry` for its place in a segment of that generation.
void seal_entry(std::byte* entry, std::uint64_t generation, std::uint32_t offset) noexcept;
/// The same for an entry whose body lies elsewhere, in parts; `header` states the whole length.
void seal_entry_in_parts(std::byte* header, std::span<const std::string> body, std::uint64_t generation,
                         std::uint32_t offset) noexcept;
/// Length field of the entry at `entry`; at least 4 bytes must be readable.
inline std::uint32_t entry_length(const std::byte* entry) noexcept {
    return core::load_big_endian<std::uint32_t>(entry);
}
/// View of an entry that is known to be good (in a batch of ours); `entry` begins with a full header.
entry_view view_entry(const std::byte* entry) noexcept;
/// Checks length, reserved bytes and checksum of what begins at `bytes`; empty when it is no entry of this place.
std::optional<entry_view> check_entry(core::byte_span bytes, std::uint64_t generation, std::uint32_t offset) noexcept;

/// Body of a commit entry.
struct commit_body {
    std::uint32_t batch_bytes = 0; ///< whole batch, this entry included
    std::uint32_t entry_count = 0; ///< entries after this one
    std::uint64_t synced = 0;      ///< the last commit known to be synced when this one was written
};
void write_commit_body(std::byte* to, const commit_body& body) noexcept;
/// Precondition: a checked entry of type commit; empty when its body has the wrong size.
std::optional<commit_body> read_commit_body(core::byte_span body) noexcept;

} // namespace messaging::store
