#include "mapper/mapping/mapping_index.hpp"

#include <algorithm>

namespace mapper::mapping {

void mapping_index::add(const mapping& one) {
    if (one.uplink) insert(one.uplink->topic, {&one, purpose::uplink});
    if (one.downlink && one.downlink->response) insert(one.downlink->response->topic, {&one, purpose::response});
}

void mapping_index::insert(const topic_filter& filter, match what) {
    filters_.push_back(filter.mqtt());
    std::uint32_t at = 0;
    const entry made{count_++, what};
    for (const auto& part : filter.levels) {
        if (part.what == topic_filter::level::form::rest) {
            levels_[at].rest.push_back(made);
            return;
        }
        const bool literal = part.what == topic_filter::level::form::literal;
        const auto found = literal ? levels_[at].literals.find(part.text) : levels_[at].literals.end();
        std::uint32_t next = literal ? (found == levels_[at].literals.end() ? 0 : found->second) : levels_[at].any;
        if (next == 0) {
            next = static_cast<std::uint32_t>(levels_.size());
            if (literal)
                levels_[at].literals.emplace(part.text, next);
            else
                levels_[at].any = next;
            levels_.emplace_back();
        }
        at = next;
    }
    levels_[at].here.push_back(made);
}

void mapping_index::walk(std::uint32_t at, std::string_view left, bool ended, bool first,
                         std::vector<entry>& into) const {
    const auto& here = levels_[at];
    const bool hidden = first && left.starts_with('$'); // [MQTT-4.7.2-1]: wildcards do not match these at the front
    if (!hidden) into.insert(into.end(), here.rest.begin(), here.rest.end());
    if (ended) {
        into.insert(into.end(), here.here.begin(), here.here.end());
        return;
    }
    const auto slash = left.find('/');
    const auto text = left.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    const auto rest = last ? std::string_view{} : left.substr(slash + 1);
    if (const auto found = here.literals.find(text); found != here.literals.end())
        walk(found->second, rest, last, false, into);
    if (here.any != 0 && !hidden) walk(here.any, rest, last, false, into);
}

void mapping_index::find(std::string_view topic, std::vector<match>& into) const {
    std::vector<entry> found;
    walk(0, topic, false, true, found);
    std::sort(found.begin(), found.end(), [](const entry& a, const entry& b) { return a.order < b.order; });
    for (const auto& one : found) into.push_back(one.what);
}

std::vector<std::string> mapping_index::filters() const {
    auto out = filters_;
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

} // namespace mapper::mapping
