#include "mapper/mapping/topic_filter.hpp"

#include <algorithm>
#include <array>

namespace mapper::mapping {

namespace {

bool name_character(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string parse_level(std::string_view text, topic_filter::level& into) {
    using form = topic_filter::level::form;
    if (text == "+" || text == "#") {
        into = {text == "+" ? form::any : form::rest, ""};
        return {};
    }
    if (!text.empty() && text.front() == '{' && text.back() == '}') {
        const auto name = text.substr(1, text.size() - 2);
        if (name.empty() || !std::all_of(name.begin(), name.end(), name_character) ||
            (name[0] >= '0' && name[0] <= '9'))
            return "the level `" + std::string(text) + "` needs a name of letters, digits and _ between its braces";
        into = {form::any, std::string(name)};
        return {};
    }
    if (text.find_first_of("+#") != std::string_view::npos)
        return "`+` and `#` stand alone between slashes, not inside `" + std::string(text) + "`";
    if (text.find_first_of("{}") != std::string_view::npos)
        return "a named level stands alone between slashes: `{name}`, not `" + std::string(text) + "`";
    into = {form::literal, std::string(text)};
    return {};
}

} // namespace

std::string topic_filter::mqtt() const {
    std::string out;
    for (const auto& one : levels) {
        if (&one != &levels.front()) out.push_back('/');
        if (one.what == level::form::literal)
            out += one.text;
        else
            out.push_back(one.what == level::form::any ? '+' : '#');
    }
    return out;
}

std::vector<std::string> topic_filter::names() const {
    std::vector<std::string> out;
    for (const auto& one : levels)
        if (one.what == level::form::any && !one.text.empty()) out.push_back(one.text);
    return out;
}

bool topic_filter::match(std::string_view topic, std::vector<std::string_view>& named) const {
    named.clear();
    bool ended = false;
    for (const auto& one : levels) {
        if (one.what == level::form::rest) return true;
        if (ended) return false;
        const auto slash = topic.find('/');
        const auto text = topic.substr(0, slash);
        if (one.what == level::form::literal && one.text != text) return false;
        if (one.what == level::form::any && !one.text.empty()) named.push_back(text);
        ended = slash == std::string_view::npos;
        if (!ended) topic.remove_prefix(slash + 1);
    }
    return ended;
}

std::variant<topic_filter, std::string> parse_topic_filter(std::string_view text) {
    if (text.empty()) return "a topic is needed here, such as site/{site}/env";
    if (text.size() > 256) return "the topic is longer than 256 bytes";
    topic_filter made;
    made.written = text;
    while (true) {
        const auto slash = text.find('/');
        topic_filter::level level;
        if (auto wrong = parse_level(text.substr(0, slash), level); !wrong.empty()) return wrong;
        if (level.what == topic_filter::level::form::rest && slash != std::string_view::npos)
            return "`#` can only be the last level";
        if (!level.text.empty() && level.what == topic_filter::level::form::any)
            for (const auto& name : made.names())
                if (name == level.text) return "the level name `{" + name + "}` is used twice";
        made.levels.push_back(std::move(level));
        if (slash == std::string_view::npos) break;
        text.remove_prefix(slash + 1);
    }
    return made;
}

std::string reserved_topic(std::string_view topic) {
    static constexpr std::array<std::string_view, 8> prefixes{"s/",
                                                              "t/",
                                                              "q/",
                                                              "c/",
                                                              "alarm/alarms/",
                                                              "event/events/",
                                                              "measurement/measurements/",
                                                              "inventory/managedObjects/"};
    if (topic.starts_with('$')) return "topics that begin with $ are reserved";
    if (topic == "error" || topic == "devicecontrol/notifications")
        return "the topic `" + std::string(topic) + "` belongs to the platform's own MQTT";
    for (const auto prefix : prefixes)
        if (topic.starts_with(prefix))
            return "topics that begin with " + std::string(prefix) + " belong to the platform's own MQTT";
    return {};
}

} // namespace mapper::mapping
