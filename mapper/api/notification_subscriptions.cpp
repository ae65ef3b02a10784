#include "mapper/api/notification_subscriptions.hpp"

#include "common/core/json_writer.hpp"
#include "common/core/percent.hpp"
#include "mapper/api/answer.hpp"

namespace mapper::api {

namespace {

platform::call subscribe(core::json_writer& begun, std::string_view subscription) {
    platform::call made("POST", "/notification2/subscriptions", "subscription_create");
    made.content_type = made.accept = "json";
    begun.member("subscription", subscription)
        .key("subscriptionFilter")
        .object()
        .key("apis")
        .array()
        .value("operations");
    begun.end().end().end();
    made.body = begun.text();
    return made;
}

} // namespace

platform::call subscribe_tenant_operations(std::string_view subscription) {
    core::json_writer body;
    body.object().member("context", "tenant");
    return subscribe(body, subscription);
}

platform::call subscribe_device_operations(std::string_view subscription, std::string_view device) {
    core::json_writer body;
    body.object().member("context", "mo").key("source").object().member("id", device).end();
    return subscribe(body, subscription);
}

platform::call list_subscriptions(std::string_view subscription, unsigned page, unsigned page_size) {
    platform::call made("GET",
                        "/notification2/subscriptions?subscription=" + core::percent_encode(subscription) +
                            "&currentPage=" + std::to_string(page) + "&pageSize=" + std::to_string(page_size),
                        "subscription_list");
    made.accept = "json";
    return made;
}

platform::call delete_subscription(std::string_view id) {
    return {"DELETE", "/notification2/subscriptions/" + core::percent_encode(id), "subscription_delete"};
}

platform::call create_token(std::string_view subscription, std::string_view subscriber, unsigned minutes) {
    platform::call made("POST", "/notification2/token", "token_create");
    made.content_type = made.accept = "json";
    core::json_writer body;
    body.object()
        .member("subscription", subscription)
        .member("subscriber", subscriber)
        .member("expiresInMinutes", minutes)
        .end();
    made.body = std::move(body).text();
    return made;
}

std::string token_of(std::string_view body) { return text_at(body, "/token"); }

} // namespace mapper::api
