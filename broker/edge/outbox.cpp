#include "broker/edge/outbox.hpp"

namespace broker::edge {

outbox::outcome outbox::write_to(net::transport& to, std::uint64_t& bytes_out) {
    while (!empty()) {
        const auto done = to.write_some(core::as_bytes(std::string_view(bytes_).substr(written_)));
        if (done.error) return outcome::failed;
        if (done.would_block || done.bytes == 0) return outcome::blocked;
        written_ += done.bytes;
        bytes_out += done.bytes;
    }
    constexpr std::size_t kept_bytes = 4 * 1024;
    if (bytes_.capacity() > kept_bytes)
        std::string().swap(bytes_);
    else
        bytes_.clear();
    written_ = 0;
    return outcome::done;
}

} // namespace broker::edge
