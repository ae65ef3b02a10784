// The client's topic numbers (FORMAT.md §3), sans I/O. A number that is not used any more is closed only when every
// frame that may name it is settled: `topic_close` goes before the data, and what is not settled is sent again after a
// reconnect.
#pragma once

#include "common/core/clock.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace msg_link {

/// A topic as named in `topic` frames.
struct topic_name {
    std::string tenant;
    std::string name_space;
    std::string name;
};

class topic_table {
  public:
    struct found {
        std::uint32_t number = 0;
        bool fresh = false; ///< a `topic` frame must tell the server
    };

    /// The number to publish with; a new one when the topic has none.
    found find_or_open(std::string_view tenant, std::string_view name_space, std::string_view name,
                       core::steady_time now);
    bool contains(std::string_view tenant, std::string_view name_space, std::string_view name) const;
    /// Null when no such number is open. Valid until the number is closed.
    const topic_name* name_of(std::uint32_t number) const;

    /// Gives up what was not asked for since `before`; it is closed by `take_closed`. `last` is the sequence of the
    /// newest frame that may name it.
    void retire_unused(core::steady_time before, std::uint64_t last);
    /// Numbers whose frames are all settled; the server may forget them.
    std::vector<std::uint32_t> take_closed(std::uint64_t settled);

    /// All numbers that are open, those given up included: what a new connection must name.
    const std::unordered_map<std::uint32_t, topic_name>& open() const noexcept { return names_; }
    std::size_t size() const noexcept { return names_.size(); }
    /// Changes when numbers that callers remember must be asked for again.
    std::uint32_t generation() const noexcept { return generation_; }

  private:
    struct entry {
        std::uint32_t number = 0;
        core::steady_time used{};
    };
    struct retired {
        std::uint32_t number = 0;
        std::uint64_t last = 0;
    };
    const std::string& key(std::string_view tenant, std::string_view name_space, std::string_view name) const;

    std::unordered_map<std::string, entry> entries_;
    std::unordered_map<std::uint32_t, topic_name> names_;
    std::deque<retired> retired_;
    std::uint32_t next_ = 1;
    std::uint32_t generation_ = 0;
    mutable std::string key_;
};

} // namespace msg_link
