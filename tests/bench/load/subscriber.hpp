// One subscribing client: verifies what arrives (order per publisher, loss, repeats, strangers), acknowledges in
// batches.
#pragma once

#include "tests/bench/load/publisher.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bench {

/// Order of one publisher as one subscriber sees it. Sequences start at 0.
class sequence_check {
  public:
    enum class verdict { next, gap, late, repeated };
    verdict take(std::uint64_t sequence);
    /// What never came, given that `sent` messages were published.
    std::uint64_t missing(std::uint64_t sent) const noexcept;

  private:
    std::uint64_t expected_ = 0;
    std::map<std::uint64_t, std::uint64_t> holes_; ///< First to last sequence, of what was skipped and not seen yet.
    std::uint64_t missing_ = 0;
};

struct delivery_counts {
    std::uint64_t delivered = 0; ///< First deliveries.
    std::uint64_t repeated = 0;
    std::uint64_t flagged_dup = 0;
    std::uint64_t out_of_order = 0;
    std::uint64_t unexpected = 0;
};

class subscriber {
  public:
    subscriber(const options& given, std::uint32_t run, std::vector<std::string> filters, connection socket,
               std::vector<publisher>& publishers);

    bool receive(scratch_buffer& scratch, bool measuring, histogram& latency);
    publisher::pump_state flush();

    int descriptor() const noexcept { return socket_.descriptor(); }
    const delivery_counts& counts() const noexcept { return counts_; }
    std::uint64_t missing() const noexcept;

  private:
    void take(const packet& got, std::uint64_t now_ns, bool measuring, histogram& latency);
    bool wants(std::string_view topic) const noexcept;

    const options& options_;
    std::uint32_t run_;
    std::vector<std::string> filters_;
    connection socket_;
    std::vector<publisher>& publishers_;
    std::vector<sequence_check> checks_; ///< By publisher.
    std::string partial_;
    std::string out_;
    std::size_t out_from_ = 0;
    delivery_counts counts_;
};

} // namespace bench
