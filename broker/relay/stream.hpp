// One client's stream: its filters, what was taken, what the client has not acknowledged, and the credit given out.
// Sans I/O; owned by the relay's member.
#pragma once

#include <cstdint>
#include <vector>

namespace broker::relay {

class stream {
  public:
    void limit(std::uint16_t messages, std::uint64_t bytes) noexcept {
        window_messages_ = messages;
        window_bytes_ = bytes;
    }

    /// A delivery arrived; `must_acknowledge` ones stay outstanding until `acknowledge`.
    void take(std::uint64_t position, std::uint64_t bytes, bool must_acknowledge);
    /// False: no such delivery is outstanding (acknowledged twice, or QoS 0).
    bool acknowledge(std::uint64_t position) noexcept;
    /// The client is done with one delivery: one more may come, unless it is `owed` until `pay`.
    void done(std::uint32_t bytes, bool owed = false) noexcept {
        if (owed)
            ++owed_messages_;
        else
            ++done_messages_;
        done_bytes_ += bytes;
    }
    std::uint32_t owed() const noexcept { return owed_messages_; }
    /// For so many of those that are owed one more may come.
    void pay(std::uint32_t messages) noexcept {
        owed_messages_ -= messages;
        done_messages_ += messages;
    }

    /// Moves what was acknowledged since the last call into from/to pairs.
    void take_ranges(std::vector<std::uint64_t>& pairs);
    /// True when enough was done to be worth a credit frame; then the totals to send.
    bool credit_due(std::uint64_t& messages, std::uint64_t& bytes) noexcept;
    /// The totals as they stand, for a resumed link.
    void credit_now(std::uint64_t& messages, std::uint64_t& bytes) noexcept;

    std::uint64_t taken() const noexcept { return taken_; }
    /// Totals of everything taken, for a resumed link.
    std::uint64_t taken_messages() const noexcept { return taken_messages_; }
    std::uint64_t taken_bytes() const noexcept { return taken_bytes_; }
    void outstanding(std::vector<std::uint64_t>& into) const;
    std::size_t outstanding_count() const noexcept { return entries_.size(); }

  private:
    struct entry {
        std::uint64_t position;
        bool acknowledged;
    };
    std::vector<entry> entries_; ///< ascending; what is acknowledged in front leaves with take_ranges
    std::size_t acknowledged_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t taken_messages_ = 0;
    std::uint64_t taken_bytes_ = 0;
    std::uint64_t done_messages_ = 0;
    std::uint64_t done_bytes_ = 0;
    std::uint64_t granted_messages_ = 0;
    std::uint64_t granted_bytes_ = 0;
    std::uint64_t window_bytes_ = 0;
    std::uint32_t owed_messages_ = 0;
    std::uint16_t window_messages_ = 0;
};

} // namespace broker::relay
