// Topic to all mappings that match it: a trie over topic levels, so that thousands of mappings cost no more than the
// levels of the topic. Built once per mapping set, then read only.
#pragma once

#include "mapper/mapping/mapping.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mapper::mapping {

class mapping_index {
  public:
    enum class purpose : std::uint8_t { uplink, response };
    struct match {
        const mapping* of;
        purpose as;
    };

    /// The mapping must outlive the index.
    void add(const mapping& one);
    /// Appends every mapping whose `from` or `response` topic matches, in the order they were added.
    void find(std::string_view topic, std::vector<match>& into) const;
    /// The MQTT filters to subscribe to, each once, sorted.
    std::vector<std::string> filters() const;

  private:
    struct entry {
        std::uint32_t order;
        match what;
    };
    struct level {
        std::map<std::string, std::uint32_t, std::less<>> literals;
        std::uint32_t any = 0; ///< 0: none
        std::vector<entry> here;
        std::vector<entry> rest;
    };
    void insert(const topic_filter& filter, match what);
    void walk(std::uint32_t at, std::string_view left, bool ended, bool first, std::vector<entry>& into) const;

    std::vector<level> levels_{1};
    std::vector<std::string> filters_;
    std::uint32_t count_ = 0;
};

} // namespace mapper::mapping
