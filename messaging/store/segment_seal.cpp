#include "messaging/store/segment_seal.hpp"

#include "messaging/store/errc.hpp"
#include "messaging/store/segment.hpp"

namespace messaging::store {

namespace {
/// A sync of so much takes a few milliseconds at most, and so long does a commit's sync wait behind it.
constexpr std::size_t piece_bytes = 512u << 10;
} // namespace

segment_seal::segment_seal(std::unique_ptr<file> opened, std::uint64_t generation, std::uint32_t offset,
                           std::uint64_t last_commit, std::optional<footer_draft> footer)
    : opened_(std::move(opened)), generation_(generation), content_end_(offset), offset_(offset),
      last_commit_(last_commit), footer_(std::move(footer)) {
    if (footer_ && !footer_->complete()) footer_.reset();
}

std::string segment_seal::next_piece() {
    std::string piece;
    if (footer_) {
        const auto& blocks = footer_->blocks();
        if (!begun_) piece = core::as_text(footer_->seal(generation_, offset_, last_commit_));
        begun_ = true;
        while (blocks_done_ < blocks.size() && piece.size() < piece_bytes) piece += blocks[blocks_done_++];
        if (blocks_done_ < blocks.size()) return piece;
    }
    const auto end_at = offset_ + static_cast<std::uint32_t>(piece.size());
    piece += core::as_text(make_mark(entry_type::segment_end, generation_, end_at, last_commit_));
    done_ = true;
    return piece;
}

core::error_code segment_seal::step() {
    const std::string piece = next_piece();
    if (const auto error = opened_->write_at(offset_, core::as_bytes(piece))) return error;
    offset_ += static_cast<std::uint32_t>(piece.size());
    if (opened_->sync()) return errc::sync_failed;
    return {};
}

void segment_seal::without_footer() noexcept {
    footer_.reset();
    offset_ = content_end_;
    done_ = false;
}

core::error_code segment_seal::finish() {
    while (!done_)
        if (const auto error = step()) return error;
    return {};
}

} // namespace messaging::store
