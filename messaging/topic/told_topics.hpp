// The numbers under which one connection was told topics (FORMAT.md §4 of the link), the least recently used first to
// be forgotten. Loop only.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

namespace messaging::topic {

class told_topics {
  public:
    /// So many are kept; a link that delivers from more in turn is told them anew.
    static constexpr std::size_t kept_max = 20'000;

    struct found {
        std::uint32_t number = 0;
        bool fresh = false; ///< the client must be told
    };
    /// The topic's number, named by the `record`-th record of the connection.
    found number_of(std::uint64_t topic_identity, std::uint64_t record) {
        const auto at = by_topic_.find(topic_identity);
        if (at == by_topic_.end()) {
            by_use_.push_back({topic_identity, next_, record});
            by_topic_.emplace(topic_identity, std::prev(by_use_.end()));
            return {next_++, true};
        }
        at->second->record = record;
        if (std::next(at->second) != by_use_.end()) by_use_.splice(by_use_.end(), by_use_, at->second);
        return {at->second->number, false};
    }
    /// A number over the limit that no record behind the `returned`-th names, forgotten by this; 0: none.
    std::uint32_t forget_one(std::uint64_t returned) {
        if (by_use_.size() <= kept_max || by_use_.front().record > returned) return 0;
        const auto number = by_use_.front().number;
        by_topic_.erase(by_use_.front().identity);
        by_use_.pop_front();
        return number;
    }
    /// A new connection: nothing is told, and numbers may begin anew.
    void clear() noexcept {
        by_topic_.clear();
        by_use_.clear();
        next_ = 1;
    }
    std::size_t size() const noexcept { return by_use_.size(); }

  private:
    struct told {
        std::uint64_t identity;
        std::uint32_t number;
        std::uint64_t record; ///< last one that names it
    };
    std::list<told> by_use_;
    std::unordered_map<std::uint64_t, std::list<told>::iterator> by_topic_;
    std::uint32_t next_ = 1;
};

} // namespace messaging::topic
