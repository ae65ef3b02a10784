// `site/{site}/+/env/#`: an MQTT topic filter whose single levels may carry names. Values; pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mapper::mapping {

struct topic_filter {
    struct level {
        enum class form { literal, any, rest } what = form::literal;
        std::string text; ///< of a literal; the name of `{name}`; empty for `+`
    };
    std::string written;
    std::vector<level> levels;

    /// As MQTT subscribes it: `site/+/+/env/#`.
    std::string mqtt() const;
    std::vector<std::string> names() const;
    /// True when it matches; `named` then holds the text of each named level in order (views into `topic`).
    bool match(std::string_view topic, std::vector<std::string_view>& named) const;
};

/// The filter, or one sentence about what is wrong with it.
std::variant<topic_filter, std::string> parse_topic_filter(std::string_view text);
/// Empty when a device may use the topic (ref A.8), else a sentence saying why not.
std::string reserved_topic(std::string_view topic);

} // namespace mapper::mapping
