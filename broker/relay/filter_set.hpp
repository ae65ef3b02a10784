// The filters one client has subscribed to, with what it asked for each. Messaging decides what matches them; this is
// what the broker itself has to know: whether a filter is new, and what may come back to the one who published it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace broker::relay {

class filter_set {
  public:
    /// Adds or replaces ([MQTT311-3.8.4-3], [MQTT5-3.8.4-3]).
    void put(std::string_view filter, std::uint8_t qos, bool no_local);
    /// Filters are compared byte by byte ([MQTT311-3.10.4-1], [MQTT5-3.10.4-1]). False: there was none.
    bool remove(std::string_view filter);
    bool contains(std::string_view filter) const { return filters_.find(filter) != filters_.end(); }
    /// False: `own_message_qos` need not be asked.
    bool any_no_local() const noexcept { return no_local_count_ != 0; }
    /// The highest QoS at which this client's own message on `topic` may come back to it; empty when every matching
    /// filter has No Local ([MQTT5-3.8.3-3]).
    std::optional<std::uint8_t> own_message_qos(std::string_view topic) const;

  private:
    struct terms {
        std::uint8_t qos = 0;
        bool no_local = false;
    };
    std::map<std::string, terms, std::less<>> filters_;
    std::size_t no_local_count_ = 0;
};

} // namespace broker::relay
