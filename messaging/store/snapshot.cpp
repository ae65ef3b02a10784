#include "messaging/store/snapshot.hpp"

#include "messaging/store/crc32c.hpp"
#include "messaging/store/errc.hpp"

#include <charconv>
#include <fmt/core.h>

namespace messaging::store {
namespace {

constexpr std::string_view prefix = "snapshot-", suffix = ".snap", magic = "mqttsnap";
constexpr std::uint32_t format = 1;
constexpr std::size_t crc_at = 12, covered_from = 16, body_at = 32, digits = 20;

std::uint32_t checksum(core::byte_span bytes) {
    return crc32c(bytes.subspan(covered_from), crc32c(bytes.first(crc_at)));
}

} // namespace

std::string snapshot_name(std::uint64_t commit) { return fmt::format("{}{:020}{}", prefix, commit, suffix); }

std::optional<std::uint64_t> snapshot_of(const std::string& name) {
    if (name.size() != prefix.size() + digits + suffix.size()) return std::nullopt;
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
    std::uint64_t commit = 0;
    const char* from = name.data() + prefix.size();
    const auto [end, error] = std::from_chars(from, from + digits, commit);
    if (error != std::errc{} || end != from + digits) return std::nullopt;
    return commit;
}

core::error_code save_snapshot(file_system& files, std::uint64_t commit, const std::string& body) {
    std::string bytes;
    bytes.reserve(body_at + body.size());
    core::byte_writer out(bytes);
    out.text(magic);
    out.u32(format);
    out.u32(0);
    out.u64(commit);
    out.u64(body.size());
    out.text(body);
    core::store_big_endian(bytes.data() + crc_at, checksum(core::as_bytes(bytes)));

    auto opened = files.open(snapshot_temporary, open_mode::create);
    if (!opened) return opened.error();
    if (const auto error = (*opened)->write_at(0, core::as_bytes(bytes))) return error;
    if ((*opened)->sync()) return errc::sync_failed;
    if (const auto error = files.rename(snapshot_temporary, snapshot_name(commit))) return error;
    if (files.sync_directory("")) return errc::sync_failed;
    return {};
}

core::result<std::string> load_snapshot(file_system& files, std::uint64_t commit) {
    auto opened = files.open(snapshot_name(commit), open_mode::read);
    if (!opened) return opened.error();
    const auto size = (*opened)->size();
    if (!size) return size.error();
    std::string bytes(*size, '\0');
    const auto got = (*opened)->read_at(0, std::as_writable_bytes(std::span(bytes)));
    if (!got) return got.error();
    if (*got != bytes.size() || bytes.size() < body_at) return make_error_code(errc::damaged);
    core::byte_reader in(core::as_bytes(bytes));
    const bool known = in.text(magic.size()) == magic;
    const std::uint32_t version = in.u32();
    if (!known || in.u32() != checksum(core::as_bytes(bytes))) return make_error_code(errc::damaged);
    if (version > format) return make_error_code(errc::newer_format);
    if (in.u64() != commit || in.u64() != in.left()) return make_error_code(errc::damaged);
    bytes.erase(0, body_at);
    return bytes;
}

} // namespace messaging::store
