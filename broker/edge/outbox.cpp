#include "broker/edge/outbox.hpp"

#include <algorithm>

namespace broker::edge {

void outbox::count(packet_counts& into) noexcept {
    while (counted_ < bytes_.size()) {
        ++into[static_cast<unsigned char>(bytes_[counted_]) >> 4];
        std::size_t length = 0;
        std::size_t at = counted_ + 1;
        for (unsigned shift = 0; at < bytes_.size(); shift += 7) { // MQTT 5.0 section 1.5.5
            const auto digit = static_cast<unsigned char>(bytes_[at++]);
            length |= static_cast<std::size_t>(digit & 0x7F) << shift;
            if (digit < 0x80) break;
        }
        counted_ = at + length;
    }
}

outbox::outcome outbox::write_to(net::transport& to, std::uint64_t& bytes_out) {
    while (!empty()) {
        const auto done = to.write_some(core::as_bytes(std::string_view(bytes_).substr(written_)));
        if (done.error) return outcome::failed;
        if (done.would_block || done.bytes == 0) {
            drop_written();
            return outcome::blocked;
        }
        written_ += done.bytes;
        bytes_out += done.bytes;
    }
    constexpr std::size_t kept_bytes = 4 * 1024;
    if (bytes_.capacity() > kept_bytes)
        std::string().swap(bytes_);
    else
        bytes_.clear();
    written_ = 0;
    counted_ = 0;
    return outcome::done;
}

/// A client that always has something waiting never empties the outbox: what is out must go all the same.
void outbox::drop_written() {
    constexpr std::size_t worth_bytes = 64 * 1024;
    if (written_ < worth_bytes) return;
    bytes_.erase(0, written_);
    counted_ -= std::min(counted_, written_);
    written_ = 0;
}

} // namespace broker::edge
