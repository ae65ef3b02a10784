#include "common/notification2/token_topic.hpp"

#include "common/core/percent.hpp"

namespace notification2 {

token_topic requested_topic(std::string_view tenant, std::string_view type, std::string_view subscription) {
    token_topic topic;
    topic.tenant = tenant;
    topic.type = type.empty() || type == "notification" ? notification_type : type;
    topic.name = subscription;
    if (core::is_percent_encoded(subscription)) topic.name = core::percent_decode(subscription).value_or(topic.name);
    return topic;
}

std::string format_topic_claim(const token_topic& topic) {
    std::string claim = topic.tenant;
    claim.append("/").append(topic.type).append("/");
    core::append_percent_encoded(claim, topic.name);
    return claim;
}

core::result<token_topic> parse_topic_claim(std::string_view claim) {
    const auto first = claim.find('/');
    if (first == std::string_view::npos) return errc::bad_topic_claim;
    const auto second = claim.find('/', first + 1);
    if (second == std::string_view::npos) return errc::bad_topic_claim;
    const auto encoded = claim.substr(second + 1);
    if (first == 0 || second == first + 1 || encoded.empty()) return errc::bad_topic_claim;
    if (encoded.find('/') != std::string_view::npos || claim.find('\0') != std::string_view::npos)
        return errc::bad_topic_claim;
    auto name = core::percent_decode(encoded);
    if (!name || name->find('\0') != std::string::npos) return errc::bad_topic_claim;
    token_topic topic;
    topic.tenant = claim.substr(0, first);
    topic.type = claim.substr(first + 1, second - first - 1);
    topic.name = std::move(*name);
    return topic;
}

} // namespace notification2
