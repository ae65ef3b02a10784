// What must, may and must not be in messaging, in containers of the standard library: the other side of the hub
// campaign. Nothing here knows how the hub stores anything; it knows what was promised.
#pragma once

#include "common/link/frame.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace property {

/// A change that no log entry holds yet (acknowledgements wait for the next cursor).
inline constexpr std::uint64_t unwritten = ~std::uint64_t{0};

/// A value with what it was before: after a crash it may be any of those since the last one known to be durable.
template <class Value> class history {
  public:
    explicit history(Value first) : steps_{{0, std::move(first)}} {}
    const Value& now() const noexcept { return steps_.back().second; }
    void set(std::uint64_t version, Value value) { steps_.emplace_back(version, std::move(value)); }
    /// What was unwritten went into the log with this version.
    void written(std::uint64_t version) {
        for (auto& [at, value] : steps_)
            if (at == unwritten) at = version;
    }
    bool allows(const Value& value, std::uint64_t durable) const {
        for (std::size_t i = steps_.size(); i-- > 0;) {
            if (steps_[i].second == value) return true;
            if (steps_[i].first <= durable) return false;
        }
        return false;
    }
    void resolve(Value value) { steps_.assign(1, {0, std::move(value)}); }

  private:
    std::vector<std::pair<std::uint64_t, Value>> steps_;
};

struct message_model {
    enum class fate : std::uint8_t {
        flying,  ///< handed in, nothing said yet
        stored,  ///< acknowledged, or delivered to somebody
        refused, ///< the log failed: not there now, after a crash it may be
        gone,    ///< its time is over, or nobody needs it and nobody will
    };
    std::uint64_t id = 0;
    std::size_t tenant = 0;
    std::string topic;
    std::string key;
    std::uint8_t qos = 1;
    std::string record;
    std::int64_t time_ms = 0;
    std::uint64_t position = 0; ///< 0: not known (a will that is tried again)
    std::size_t source = 0;
    std::uint64_t sequence = 0; ///< 0: messaging's own
    std::uint64_t version = 0;
    fate is = fate::flying;
    std::uint64_t bytes() const noexcept { return record.size(); }
};

/// That one subscription needs one message.
struct need {
    enum class place : std::uint8_t { unsent, outstanding, back, done };
    explicit need(bool first) : wanted(first) {}
    history<bool> wanted;
    place at = place::unsent;
    std::uint32_t stream = 0; ///< of the consumer that has it
    int count = 1;            ///< of the next delivery, or of the last one while outstanding; 0: not known
    std::int64_t due_ms = 0;
};

struct filter_model {
    explicit filter_model(std::uint64_t version) : present(false) { present.set(version, true); }
    history<bool> present;
};

struct consumer_model {
    std::uint32_t stream = 0;
    std::size_t sink = 0;
    std::uint64_t credit = 0;
    std::uint64_t used = 0;
};

struct subscription_model {
    subscription_model() : present(false), type(msg_link::subscription_type::exclusive) {}
    std::size_t tenant = 0;
    std::string name;
    history<bool> present;
    history<msg_link::subscription_type> type;
    std::uint16_t max_deliveries = 0;
    bool reached_back = false;          ///< began or was put where messages lie that nobody needs any more
    std::uint64_t settings_version = 0; ///< of the maximum above
    std::map<std::string, filter_model> filters;
    std::map<std::uint64_t, need> needs;            ///< by message
    std::map<std::uint64_t, std::uint64_t> letters; ///< messages that went to the dead letters, and the version
    std::vector<consumer_model> consumers;
    std::int64_t paused_until_ms = 0;

    bool rewinds() const noexcept {
        return type.now() == msg_link::subscription_type::exclusive ||
               type.now() == msg_link::subscription_type::failover;
    }
};

struct claim_model {
    explicit claim_model() : present(false) {}
    history<bool> present;
    std::size_t tenant = 0;
    std::string client;
    std::uint64_t number = 0;  ///< 0: not answered
    std::uint64_t will_id = 0; ///< 0: none
};

using state_key = std::pair<std::size_t, std::string>;

} // namespace property
