#include "messaging/tools/offline_store.hpp"

#include "messaging/store/errc.hpp"
#include "messaging/store/snapshot.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace messaging::tools {

namespace {
core::error_code last_error() { return {errno, boost::system::system_category()}; }
} // namespace

core::result<offline_store> offline_store::open(const std::string& directory) {
    offline_store made;
    struct stat found{};
    if (::stat(directory.c_str(), &found) != 0) return last_error();
    made.lock_ = ::open((directory + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC);
    if (made.lock_ < 0 && errno != ENOENT) return last_error();
    if (made.lock_ >= 0 && ::flock(made.lock_, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return make_error_code(store::errc::locked);
        return last_error();
    }
    made.files_ = store::make_posix_file_system(directory);
    if (const auto error = made.look_around()) return error;
    return made;
}

offline_store::offline_store(offline_store&& other) noexcept
    : lock_(std::exchange(other.lock_, -1)), files_(std::move(other.files_)), segments_(std::move(other.segments_)),
      snapshots_(std::move(other.snapshots_)) {}

offline_store::~offline_store() {
    if (lock_ >= 0) ::close(lock_);
}

core::error_code offline_store::look_around() {
    const auto names = files_->list();
    if (!names) return names.error();
    for (const auto& name : *names) {
        if (const auto commit = store::snapshot_of(name)) snapshots_.push_back(*commit);
        const auto number = store::segment_of(name, ".seg");
        if (!number) continue;
        auto opened = files_->open(name, store::open_mode::read);
        if (!opened) return opened.error();
        const auto size = (*opened)->size();
        if (!size) return size.error();
        store::header_block block{};
        if (const auto got = (*opened)->read_at(0, block); !got) return got.error();
        const auto header = store::decode_header(block);
        if (!header && header.error() == store::errc::newer_format) return header.error();
        offline_segment one{*number, false, {}, *size};
        if (header) one.header = *header;
        one.readable = header && header->segment == *number;
        segments_.push_back(one);
    }
    std::sort(snapshots_.begin(), snapshots_.end());
    // The newest one may only be prepared: nothing in it counts.
    if (!segments_.empty() && segments_.back().readable && !segments_.back().header.begun) segments_.pop_back();
    if (segments_.empty() && snapshots_.empty()) return store::errc::not_found;
    return {};
}

core::error_code offline_store::each_segment(const std::function<void(const segment_content&)>& use,
                                             const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    std::uint64_t total = 0;
    for (const auto& one : segments_) total += one.file_bytes;
    std::uint64_t done = 0;
    std::uint64_t last_commit = 0;
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i < segments_.size(); ++i) {
        const auto& one = segments_[i];
        done += one.file_bytes;
        if (!one.readable) continue;
        auto opened = files_->open(store::segment_name(one.number), store::open_mode::read);
        if (!opened) return opened.error();
        bytes.resize(one.file_bytes);
        const auto got = (*opened)->read_at(0, bytes);
        if (!got) return got.error();
        bytes.resize(*got);
        const bool last = i + 1 == segments_.size();
        store::scan_request request;
        request.bytes = bytes;
        request.generation = one.header.generation;
        request.has_successor = !last;
        request.last_commit = std::max(last_commit, one.header.commit_before());
        if (!last && segments_[i + 1].readable && segments_[i + 1].header.previous_segment == one.number)
            request.known_end = segments_[i + 1].header.previous_end;
        const auto scan = store::scan_segment(request);
        last_commit = std::max(last_commit, scan.last_commit);
        use({one, bytes, scan, last, **opened});
        progress(done, total);
    }
    return {};
}

progress_line::progress_line() : terminal_(::isatty(STDERR_FILENO) == 1) {}

progress_line::~progress_line() {
    if (shown_ >= 0) fmt::print(stderr, "\r{:40}\r", "");
}

void progress_line::operator()(std::uint64_t done, std::uint64_t total) {
    if (!terminal_ || total == 0) return;
    const auto percent = static_cast<int>(done * 100 / total);
    if (percent == shown_) return;
    shown_ = percent;
    constexpr int width = 24;
    const auto full = static_cast<std::size_t>(percent * width / 100);
    fmt::print(stderr, "\r[{:<24}] {:3} %", std::string(full, '#'), percent);
    std::fflush(stderr);
}

} // namespace messaging::tools
