#include "common/record/filter.hpp"

namespace record {

bool has_wildcard(std::string_view filter) noexcept { return filter.find_first_of("+#") != std::string_view::npos; }

bool filter_matches(std::string_view filter, std::string_view topic) noexcept {
    if (!topic.empty() && topic.front() == '$' && !filter.empty() && (filter.front() == '+' || filter.front() == '#'))
        return false;
    while (true) {
        const auto filter_end = filter.find('/');
        const auto level = filter.substr(0, filter_end);
        if (level == "#") return true;
        const auto topic_end = topic.find('/');
        if (level != "+" && level != topic.substr(0, topic_end)) return false;
        if (filter_end == std::string_view::npos) return topic_end == std::string_view::npos;
        filter.remove_prefix(filter_end + 1);
        if (topic_end == std::string_view::npos) return filter == "#"; // "a/#" also matches its parent "a"
        topic.remove_prefix(topic_end + 1);
    }
}

} // namespace record
