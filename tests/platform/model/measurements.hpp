// Measurements (ref D.4): the one hot path of the stand-in. Parsed with simdjson, validated, counted, and the newest
// `kept_max` kept in their text form; counts go on when the oldest fall out.
#pragma once

#include "tests/platform/model/refusal.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace platform_sim::model {

struct measurement {
    std::uint64_t id = 0;
    std::uint64_t source = 0;
    std::int64_t time_ms = 0;
    std::string type;
    std::string rest; ///< `"time":…,"type":…,"fragment":{…}`: all members but id, self and source
};

/// Reads one body of POST. One instance is reused; not for two threads.
class measurement_reader {
  public:
    measurement_reader();
    ~measurement_reader();

    /// Appends to `into`. `collection`: `{"measurements":[…]}`. One wrong element refuses all (ref D.4).
    std::optional<refusal> read(std::string_view body, bool collection, std::vector<measurement>& into);

  private:
    struct state;
    std::unique_ptr<state> state_;
};

class measurement_store {
  public:
    measurement_store(std::size_t kept_max, bool fingerprints) : kept_max_(kept_max), fingerprints_(fingerprints) {}

    /// The reference lives until the next add or erase.
    const measurement& add(measurement added);
    const measurement* find(std::uint64_t id) const;
    template <class Predicate> std::size_t erase_if(Predicate&& goes) { return std::erase_if(kept_, goes); }
    /// Ascending IDs.
    const std::deque<measurement>& kept() const noexcept { return kept_; }
    std::uint64_t added_count() const noexcept { return added_count_; }
    /// Same source, time, type and values as one before; 0 while fingerprints are off.
    std::uint64_t duplicate_count() const noexcept { return duplicate_count_; }

  private:
    std::size_t kept_max_;
    bool fingerprints_;
    std::deque<measurement> kept_;
    std::unordered_set<std::uint64_t> seen_;
    std::uint64_t added_count_ = 0;
    std::uint64_t duplicate_count_ = 0;
};

} // namespace platform_sim::model
