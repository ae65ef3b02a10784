#include "common/net/write_cork.hpp"

#include <utility>

namespace net {

write_cork::write_cork(std::shared_ptr<socket_transport> over, bool coalesce)
    : transport_(std::move(over)), coalesce_(coalesce), turn_(transport_->executor(), [this] { turn_ended(); }) {}

bool write_cork::take(std::span<const core::byte_span> pieces) {
    if (!coalesce_) return false;
    std::size_t bytes = 0;
    for (const auto piece : pieces) bytes += piece.size();
    if (empty() && bytes > small_bytes) return false;
    for (const auto piece : pieces) held_.append(core::as_text(piece));
    grew_ = true;
    turn_.kick();
    return true;
}

bool write_cork::take_now(std::span<const core::byte_span> pieces) {
    if (full() || error_) return false;
    for (const auto piece : pieces) held_.append(core::as_text(piece));
    turn_.kick();
    return true;
}

bool write_cork::flush() {
    while (!empty() && !error_) {
        if (!transport_->socket().is_open()) {
            error_ = asio::error::operation_aborted;
            break;
        }
        const auto result = transport_->write_some(core::as_bytes(held_).subspan(sent_));
        if (result.would_block) return false;
        error_ = result.error;
        sent_ += result.bytes;
    }
    held_.clear();
    sent_ = 0;
    return true;
}

void write_cork::turn_ended() {
    // The next frame comes when the write of this one has completed, which is a turn later: as long as more comes, and
    // not for ever, the send waits for it.
    if (std::exchange(grew_, false) && ++turns_held_ < turns_max && !full()) return turn_.kick();
    turns_held_ = 0;
    if (waits_ || flush()) return;
    waits_ = true;
    transport_->socket().async_wait(transport_->write_waits_for(),
                                    [weak = weak_from_this()](const core::error_code& closed) {
                                        const auto self = weak.lock();
                                        if (!self || closed) return;
                                        self->waits_ = false;
                                        self->turn_ended();
                                    });
}

} // namespace net
