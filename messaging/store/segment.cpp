#include "messaging/store/segment.hpp"

#include "messaging/store/crc32c.hpp"
#include "messaging/store/errc.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace messaging::store {
namespace {

constexpr std::string_view magic = "mqttlog\n";
constexpr std::uint32_t format = 2; // 1 had neither footers nor copies; it is read as it is
constexpr std::size_t header_bytes = 64, crc_at = 60, second_copy_at = 2048;

core::error_code prepare_file(file& opened, const segment_header& header, core::byte_span content) {
    if (const auto size = opened.size(); !size || *size != header.segment_bytes)
        if (const auto error = opened.allocate(header.segment_bytes)) return error;
    if (const auto error = opened.write_at(0, encode_header(header))) return error;
    if (!content.empty())
        if (const auto error = opened.write_at(segment_data_begin, content)) return error;
    if (opened.sync()) return errc::sync_failed;
    return {};
}

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

} // namespace

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
    out.u64(header.first_commit);
    out.u32(header.previous_segment);
    out.u32(header.previous_end);
    out.u64(header.incarnation);
    out.u32(header.segment_bytes);
    out.u64(0);
    out.u32(crc32c(core::as_bytes(text)));
    header_block block{};
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
        if (in.u32() > format) return make_error_code(errc::newer_format);
        segment_header header;
        header.segment = in.u32();
        header.generation = in.u64();
        header.first_commit = in.u64();
        header.previous_segment = in.u32();
        header.previous_end = in.u32();
        header.incarnation = in.u64();
        header.segment_bytes = in.u32();
        return header;
    }
    return make_error_code(errc::damaged);
}

core::result<std::unique_ptr<file>> begin_segment(file_system& files, const segment_header& header,
                                                  std::vector<std::uint32_t>& spares, core::byte_span content) {
    const bool from_spare = !spares.empty();
    const std::string unfinished = spare_name(from_spare ? spares.back() : header.segment);
    if (from_spare) spares.pop_back();
    auto opened = files.open(unfinished, from_spare ? open_mode::write : open_mode::create);
    core::error_code error = opened ? prepare_file(**opened, header, content) : opened.error();
    if (!error) error = files.rename(unfinished, segment_name(header.segment));
    if (error) {
        (void)files.remove(unfinished); // best effort: a leftover .free file is only a spare
        return error;
    }
    if (files.sync_directory("")) return make_error_code(errc::sync_failed);
    return std::move(*opened);
}

core::error_code write_mark(file& segment, entry_type type, std::uint64_t generation, std::uint32_t offset,
                            std::uint64_t commit) {
    return segment.write_at(offset, make_mark(type, generation, offset, commit));
}

core::error_code end_segment(file& segment, std::uint64_t generation, std::uint32_t offset, std::uint64_t last_commit,
                             std::string footer) {
    const auto end_at = offset + static_cast<std::uint32_t>(footer.size());
    footer += core::as_text(make_mark(entry_type::segment_end, generation, end_at, last_commit));
    if (const auto error = segment.write_at(offset, core::as_bytes(footer))) return error;
    if (segment.sync()) return errc::sync_failed;
    return {};
}

} // namespace messaging::store
