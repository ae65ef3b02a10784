#include "tests/platform/model/notification_rules.hpp"

#include "tests/platform/model/text.hpp"

#include <algorithm>
#include <array>

namespace platform_sim::model {

namespace {

bool contains(const std::vector<std::string>& list, std::string_view item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

bool api_wanted(const notification_subscription& rule, const change& of, bool below) {
    if (below) {
        if (of.api != "alarms" && of.api != "events") return false;
        return contains(rule.apis, std::string(of.api) + "WithChildren");
    }
    if (rule.apis.empty() || contains(rule.apis, "*") || contains(rule.apis, of.api)) return true;
    return contains(rule.apis, std::string(of.api) + "WithChildren");
}

/// An operation has no type: it matches by the fragment that makes it what it is.
bool type_wanted(const notification_subscription& rule, const change& of) {
    if (rule.types.empty()) return true;
    if (of.api == "operations")
        return std::any_of(rule.types.begin(), rule.types.end(),
                           [&](const std::string& type) { return of.body->contains(type); });
    return contains(rule.types, text_member(*of.body, "type"));
}

constexpr std::array standard_fields{"id",
                                     "self",
                                     "source",
                                     "deviceId",
                                     "status",
                                     "time",
                                     "type",
                                     "text",
                                     "severity",
                                     "count",
                                     "creationTime",
                                     "lastUpdated",
                                     "owner",
                                     "name",
                                     "description",
                                     "firstOccurrenceTime",
                                     "history",
                                     "failureReason",
                                     "deviceExternalIDs",
                                     "childDevices",
                                     "childAssets",
                                     "childAdditions",
                                     "deviceParents",
                                     "assetParents",
                                     "additionParents"};

std::string_view trim(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

/// One alternative without quotes and `type eq`; nothing when it is no expression.
std::optional<std::string> alternative(std::string_view text) {
    text = trim(text);
    if (text.starts_with("type eq ")) text = trim(text.substr(8));
    if (text.size() < 3 || text.front() != '\'' || text.back() != '\'') return std::nullopt;
    text = text.substr(1, text.size() - 2);
    if (text.find('\'') != std::string_view::npos) return std::nullopt;
    return std::string(text);
}

} // namespace

std::vector<std::string> parse_type_filter(std::string_view text) {
    const std::string whole(trim(text));
    std::vector<std::string> types;
    std::string_view left = whole;
    for (;;) {
        const auto end = left.find(" or ");
        auto one = alternative(left.substr(0, end));
        if (!one) return whole.empty() ? std::vector<std::string>{} : std::vector<std::string>{whole};
        types.push_back(std::move(*one));
        if (end == std::string_view::npos) return types;
        left.remove_prefix(end + 4);
    }
}

bool subscription_matches(const notification_subscription& rule, const change& of) {
    if (rule.context == "tenant") {
        if (of.api == "measurements") return false;
        if (of.api == "managedobjects" && of.action != "CREATE") return false;
        return api_wanted(rule, of, false) && type_wanted(rule, of);
    }
    if (of.api == "managedobjects" && of.action == "CREATE") return false;
    const bool itself = rule.source == of.source;
    const bool below = std::find(of.ancestors.begin(), of.ancestors.end(), rule.source) != of.ancestors.end();
    if (!itself && !below) return false;
    return api_wanted(rule, of, !itself) && type_wanted(rule, of);
}

std::string notification_body(const notification_subscription& rule, const change& of) {
    if (rule.fragments.empty()) return json_text(*of.body);
    json::object copy;
    for (const auto& member : *of.body) {
        const std::string_view key(member.key().data(), member.key().size());
        const bool standard = std::find(standard_fields.begin(), standard_fields.end(), key) != standard_fields.end();
        if (standard || contains(rule.fragments, key)) copy.insert_or_assign(member.key(), member.value());
    }
    return json_text(copy);
}

} // namespace platform_sim::model
