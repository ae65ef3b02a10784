#include "messaging/store/footer.hpp"

#include "messaging/store/batch.hpp"
#include "messaging/store/errc.hpp"
#include "messaging/store/segment.hpp"

#include <algorithm>

namespace messaging::store {
namespace {

constexpr std::size_t item_bytes = 28;
constexpr std::size_t block_items = 2340; // about 64 KiB

bool is_message(const entry_view& entry) noexcept { return entry.type == entry_type::message; }

/// Reads a segment front to back through a bounded buffer; an entry larger than it makes it grow.
class segment_walk {
  public:
    segment_walk(file& segment, std::uint64_t generation) : segment_(segment), generation_(generation) {}

    /// The entry at `offset`, valid until the next call; empty when there is none.
    core::result<std::optional<entry_view>> at(std::uint32_t offset) {
        if (const auto error = have(offset, entry_header_bytes)) return error;
        if (left(offset) < entry_header_bytes) return std::optional<entry_view>();
        const std::uint32_t length = entry_length(bytes_.data() + (offset - from_));
        if (const auto error = have(offset, length)) return error;
        const core::byte_span seen(bytes_.data() + (offset - from_), left(offset));
        return check_entry(seen, generation_, offset);
    }

  private:
    std::size_t left(std::uint32_t offset) const noexcept { return from_ + bytes_.size() - offset; }

    core::error_code have(std::uint32_t offset, std::size_t count) {
        if (offset >= from_ && offset <= from_ + bytes_.size() && left(offset) >= count) return {};
        if (file_bytes_ == 0) {
            const auto size = segment_.size();
            if (!size) return size.error();
            file_bytes_ = *size;
        }
        constexpr std::size_t chunk = 1 << 20;
        const std::uint64_t rest = file_bytes_ - std::min<std::uint64_t>(file_bytes_, offset);
        bytes_.resize(std::min<std::uint64_t>(std::max(chunk, count), rest));
        from_ = offset;
        const auto got = segment_.read_at(offset, bytes_);
        if (!got) return got.error();
        bytes_.resize(*got);
        return {};
    }

    file& segment_;
    std::uint64_t generation_;
    std::uint64_t file_bytes_ = 0;
    std::vector<std::byte> bytes_;
    std::uint64_t from_ = 0;
};

} // namespace

void footer_draft::add(const entry_view& entry, std::uint32_t offset) {
    if (!entry.live()) return;
    if (!is_message(entry)) complete_ = false;
    if (count_++ % block_items == 0) {
        blocks_.emplace_back();
        blocks_.back().reserve(block_items * item_bytes);
    }
    core::byte_writer write(blocks_.back());
    write.u32(entry.topic);
    write.u32(offset);
    write.u32(entry.bytes());
    write.u64(entry.position);
    write.u64(static_cast<std::uint64_t>(entry.time_ms));
}

void footer_draft::add(const batch& written, std::uint32_t offset) {
    if (written.live_count() == 0) return;
    const std::byte* const first = written.bytes().data();
    for (std::uint32_t at = 0; at < written.size(); at += entry_length(first + at))
        add(view_entry(first + at), offset + at);
}

void footer_draft::clear() noexcept {
    blocks_.clear();
    count_ = 0;
    complete_ = true;
}

std::size_t footer_draft::bytes(std::size_t more) const noexcept {
    return entry_header_bytes + (count_ + more) * item_bytes;
}

footer_draft::header footer_draft::seal(std::uint64_t generation, std::uint32_t offset,
                                        std::uint64_t last_commit) const {
    header made{};
    entry_view entry;
    entry.commit = last_commit;
    entry.type = entry_type::footer;
    write_entry_header(made.data(), entry);
    core::store_big_endian(made.data(), static_cast<std::uint32_t>(bytes()));
    seal_entry_in_parts(made.data(), blocks_, generation, offset);
    return made;
}

core::result<std::vector<indexed_entry>> read_footer(file& segment, std::uint64_t generation, std::uint32_t offset) {
    std::array<std::byte, entry_header_bytes> header{};
    const auto got = segment.read_at(offset, header);
    if (!got) return got.error();
    const auto size = segment.size();
    if (!size) return size.error();
    const std::uint32_t length = *got == header.size() ? entry_length(header.data()) : 0;
    if (length < entry_header_bytes || (length - entry_header_bytes) % item_bytes != 0 || offset + length > *size)
        return make_error_code(errc::not_found);
    if (view_entry(header.data()).type != entry_type::footer) return make_error_code(errc::not_found);
    std::vector<std::byte> bytes(length);
    const auto all = segment.read_at(offset, bytes);
    if (!all) return all.error();
    const auto entry = check_entry({bytes.data(), *all}, generation, offset);
    if (!entry) return make_error_code(errc::not_found);
    std::vector<indexed_entry> out;
    out.reserve(entry->body.size() / item_bytes);
    core::byte_reader read(entry->body);
    while (read.left() > 0) {
        indexed_entry each;
        each.topic = read.u32();
        each.offset = read.u32();
        each.bytes = read.u32();
        each.position = read.u64();
        each.time_ms = static_cast<std::int64_t>(read.u64());
        out.push_back(each);
    }
    return out;
}

core::result<std::vector<indexed_entry>> walk_segment(file& segment, std::uint64_t generation,
                                                      std::uint32_t content_end) {
    std::vector<indexed_entry> out;
    segment_walk walk(segment, generation);
    for (std::uint32_t offset = segment_data_begin;;) {
        if (offset == content_end) return out; // what stands behind may be a damaged footer
        const auto entry = walk.at(offset);
        if (!entry) return entry.error();
        if (!*entry) return make_error_code(errc::damaged);
        const entry_view& found = **entry;
        if (found.type == entry_type::segment_end || found.type == entry_type::footer) return out;
        if (is_message(found)) out.push_back({found.position, found.time_ms, found.topic, offset, found.bytes()});
        offset += found.bytes();
    }
}

} // namespace messaging::store
