#include "common/link/topic_table.hpp"

namespace msg_link {

const std::string& topic_table::key(std::string_view tenant, std::string_view name_space, std::string_view name) const {
    key_.assign(tenant);
    key_.push_back('\0');
    key_.append(name_space);
    key_.push_back('\0');
    key_.append(name);
    return key_;
}

topic_table::found topic_table::find_or_open(std::string_view tenant, std::string_view name_space,
                                             std::string_view name, core::steady_time now) {
    const auto at = entries_.find(key(tenant, name_space, name));
    if (at != entries_.end()) {
        at->second.used = now;
        return {at->second.number, false};
    }
    const auto number = next_++;
    entries_.emplace(key_, entry{number, now});
    names_.emplace(number, topic_name{std::string(tenant), std::string(name_space), std::string(name)});
    return {number, true};
}

bool topic_table::contains(std::string_view tenant, std::string_view name_space, std::string_view name) const {
    return entries_.contains(key(tenant, name_space, name));
}

const topic_name* topic_table::name_of(std::uint32_t number) const {
    const auto at = names_.find(number);
    return at == names_.end() ? nullptr : &at->second;
}

void topic_table::retire_unused(core::steady_time before, std::uint64_t last) {
    ++generation_;
    for (auto it = entries_.begin(); it != entries_.end();) {
        if (it->second.used >= before) {
            ++it;
            continue;
        }
        retired_.push_back({it->second.number, last});
        it = entries_.erase(it);
    }
}

std::vector<std::uint32_t> topic_table::take_closed(std::uint64_t settled) {
    std::vector<std::uint32_t> numbers;
    while (!retired_.empty() && retired_.front().last <= settled) {
        numbers.push_back(retired_.front().number);
        names_.erase(retired_.front().number);
        retired_.pop_front();
    }
    return numbers;
}

} // namespace msg_link
