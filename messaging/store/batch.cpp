#include "messaging/store/batch.hpp"

#include <algorithm>
#include <new>

namespace messaging::store {

void batch::begin(std::uint64_t commit) noexcept {
    commit_ = commit;
    base_ = {};
    size_ = 0;
    entry_count_ = 0;
    live_count_ = 0;
    new_count_ = 0;
    live_bytes_ = 0;
}

void batch::reserve(std::size_t bytes) {
    if (bytes <= capacity_) return;
    const std::size_t wanted = std::max({bytes, capacity_ * 2, std::size_t{4096}});
    void* grown = std::realloc(data_.get(), wanted);
    if (grown == nullptr) throw std::bad_alloc();
    (void)data_.release(); // realloc took it
    data_.reset(static_cast<std::byte*>(grown));
    capacity_ = wanted;
}

void batch::shrink() {
    constexpr std::size_t small = 64 * 1024;
    if (capacity_ <= small || capacity_ / 4 < size_) return;
    const std::size_t wanted = std::max<std::size_t>(size_, small);
    void* shrunk = std::realloc(data_.get(), wanted);
    if (shrunk == nullptr) return;
    (void)data_.release();
    data_.reset(static_cast<std::byte*>(shrunk));
    capacity_ = wanted;
}

std::uint32_t batch::append(const entry_view& header, std::initializer_list<core::byte_span> body,
                            std::size_t body_bytes) {
    if (size_ == 0) size_ = commit_entry_bytes; // filled by seal()
    const std::uint32_t at = size_;
    const std::uint32_t bytes = entry_bytes(body_bytes);
    reserve(std::size_t{size_} + bytes);
    std::byte* to = data_.get() + at;
    write_entry_header(to, header);
    core::store_big_endian(to, bytes);
    to += entry_header_bytes;
    for (const core::byte_span part : body) {
        if (!part.empty()) std::memcpy(to, part.data(), part.size());
        to += part.size();
    }
    size_ += bytes;
    ++entry_count_;
    if (header.live()) {
        ++live_count_;
        if ((header.flags & entry_flag::copy) == 0) ++new_count_;
        live_bytes_ += bytes;
    }
    return at;
}

void batch::seal(std::uint64_t generation, location base, std::uint64_t synced) noexcept {
    std::byte* first = data_.get();
    entry_view commit;
    commit.commit = commit_;
    commit.type = entry_type::commit;
    commit.body = {first + entry_header_bytes, commit_entry_bytes - entry_header_bytes};
    write_entry_header(first, commit);
    write_commit_body(first + entry_header_bytes, {size_, entry_count_, synced});
    for (std::uint32_t at = 0; at < size_; at += entry_length(first + at))
        seal_entry(first + at, generation, base.offset + at);
}

} // namespace messaging::store
