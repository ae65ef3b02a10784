#include "messaging/store/segment.hpp"

#include "messaging/store/crc32c.hpp"
#include "messaging/store/errc.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace messaging::store {
namespace {

constexpr std::string_view magic = "mqttlog\n";
/// 1 had neither footers nor copies, 2 no begin records; both are read as they are.
constexpr std::uint32_t format = 3, format_with_begin = 3;
constexpr std::size_t header_bytes = 64, crc_at = 60, second_copy_at = 2048;
constexpr std::size_t begin_bytes = 28, begin_crc_at = 24;
constexpr std::array<std::size_t, 2> begin_at = {1024, 3072};

std::string encode_begin(const segment_header& header) {
    std::string text;
    core::byte_writer out(text);
    out.u64(header.generation);
    out.u64(header.first_commit);
    out.u32(header.previous_segment);
    out.u32(header.previous_end);
    out.u32(crc32c(core::as_bytes(text)));
    return text;
}

/// False when there is none of this life of the file.
bool decode_begin(core::byte_span block, segment_header& header) {
    for (const std::size_t at : begin_at) {
        if (block.size() < at + begin_bytes) break;
        const core::byte_span bytes = block.subspan(at, begin_bytes);
        core::byte_reader in(bytes);
        if (crc32c(bytes.first(begin_crc_at)) != core::load_big_endian<std::uint32_t>(bytes.data() + begin_crc_at))
            continue;
        if (in.u64() != header.generation) continue;
        header.first_commit = in.u64();
        header.previous_segment = in.u32();
        header.previous_end = in.u32();
        return true;
    }
    return false;
}

core::error_code fill_file(file& opened, const segment_header& header, core::byte_span content) {
    if (const auto size = opened.size(); !size || *size != header.segment_bytes)
        if (const auto error = opened.allocate(header.segment_bytes)) return error;
    if (const auto error = opened.write_at(0, encode_header(header))) return error;
    if (!content.empty())
        if (const auto error = opened.write_at(segment_data_begin, content)) return error;
    if (opened.sync()) return errc::sync_failed;
    return {};
}

/// The file is a spare until header and content are safe: then it becomes a segment.
core::result<std::unique_ptr<file>> make_segment(file_system& files, const segment_header& header, std::uint32_t spare,
                                                 core::byte_span content) {
    const std::string unfinished = spare_name(spare != 0 ? spare : header.segment);
    // A crash must not give an overwritten file its old name back.
    if (spare != 0 && files.sync_directory("")) return make_error_code(errc::sync_failed);
    auto opened = files.open(unfinished, spare != 0 ? open_mode::write : open_mode::create);
    core::error_code error = opened ? fill_file(**opened, header, content) : opened.error();
    if (!error) error = files.rename(unfinished, segment_name(header.segment));
    if (error) {
        (void)files.remove(unfinished); // best effort: a leftover .free file is only a spare
        return error;
    }
    if (files.sync_directory("")) return make_error_code(errc::sync_failed);
    return std::move(*opened);
}

} // namespace

std::array<std::byte, entry_header_bytes> make_mark(entry_type type, std::uint64_t generation, std::uint32_t offset,
                                                    std::uint64_t commit) {
    std::array<std::byte, entry_header_bytes> bytes;
    entry_view mark;
    mark.commit = commit;
    mark.type = type;
    write_entry_header(bytes.data(), mark);
    seal_entry(bytes.data(), generation, offset);
    return bytes;
}

std::string segment_name(std::uint32_t segment) { return fmt::format("{:010}.seg", segment); }
std::string spare_name(std::uint32_t segment) { return fmt::format("{:010}.free", segment); }

std::optional<std::uint32_t> segment_of(const std::string& name, std::string_view suffix) {
    constexpr std::size_t digits = 10;
    if (name.size() != digits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + digits, number);
    if (error != std::errc{} || end != name.data() + digits || number == 0) return std::nullopt;
    return number;
}

header_block encode_header(const segment_header& header) {
    std::string text;
    core::byte_writer out(text);
    out.text(magic);
    out.u32(format);
    out.u32(header.segment);
    out.u64(header.generation);
    out.u64(0); // where it goes on from stands in the begin record
    out.u64(0);
    out.u64(header.incarnation);
    out.u32(header.segment_bytes);
    out.u64(0);
    out.u32(crc32c(core::as_bytes(text)));
    header_block block{};
    if (header.begun) {
        const std::string begin = encode_begin(header);
        for (const std::size_t at : begin_at) std::memcpy(block.data() + at, begin.data(), begin_bytes);
    }
    std::memcpy(block.data(), text.data(), header_bytes);
    std::memcpy(block.data() + second_copy_at, text.data(), header_bytes);
    return block;
}

core::result<segment_header> decode_header(core::byte_span block) {
    for (const std::size_t at : {std::size_t{0}, second_copy_at}) {
        if (block.size() < at + header_bytes) break;
        const core::byte_span bytes = block.subspan(at, header_bytes);
        core::byte_reader in(bytes);
        if (in.text(magic.size()) != magic) continue;
        if (crc32c(bytes.first(crc_at)) != core::load_big_endian<std::uint32_t>(bytes.data() + crc_at)) continue;
        const std::uint32_t written = in.u32();
        if (written > format) return make_error_code(errc::newer_format);
        segment_header header;
        header.segment = in.u32();
        header.generation = in.u64();
        header.first_commit = in.u64();
        header.previous_segment = in.u32();
        header.previous_end = in.u32();
        header.incarnation = in.u64();
        header.segment_bytes = in.u32();
        if (written >= format_with_begin) header.begun = decode_begin(block, header);
        return header;
    }
    return make_error_code(errc::damaged);
}

core::result<prepared_segment> prepare_segment(file_system& files, segment_header header, std::uint32_t spare) {
    header.begun = false;
    auto opened = make_segment(files, header, spare, {});
    if (!opened) return opened.error();
    return prepared_segment{std::move(*opened), header};
}

core::error_code begin_segment(prepared_segment& segment, std::uint64_t first_commit, std::uint32_t previous_segment,
                               std::uint32_t previous_end) {
    segment_header header = segment.header;
    header.begun = true;
    header.first_commit = first_commit;
    header.previous_segment = previous_segment;
    header.previous_end = previous_end;
    const std::string begin = encode_begin(header);
    for (const std::size_t at : begin_at)
        if (const auto error = segment.opened->write_at(at, core::as_bytes(begin))) return error;
    segment.header = header;
    return {};
}

core::result<std::unique_ptr<file>> create_segment(file_system& files, const segment_header& header,
                                                   std::vector<std::uint32_t>& spares, core::byte_span content) {
    std::uint32_t spare = 0;
    if (!spares.empty()) {
        spare = spares.back();
        spares.pop_back();
    }
    return make_segment(files, header, spare, content);
}

core::error_code write_mark(file& segment, entry_type type, std::uint64_t generation, std::uint32_t offset,
                            std::uint64_t commit) {
    return segment.write_at(offset, make_mark(type, generation, offset, commit));
}

} // namespace messaging::store
