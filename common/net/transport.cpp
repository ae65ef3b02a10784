#include "common/net/transport.hpp"

namespace net {

io_result transport::write_pieces(std::span<const core::byte_span> pieces) noexcept {
    io_result total;
    for (const auto piece : pieces) {
        if (piece.empty()) continue;
        const io_result part = write_some(piece);
        total.bytes += part.bytes;
        if (part.bytes == piece.size()) continue;
        if (total.bytes == 0) return part;
        break;
    }
    return total;
}

const peer_certificates& transport::peer() const noexcept {
    static const peer_certificates none;
    return none;
}

} // namespace net
