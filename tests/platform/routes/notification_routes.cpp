// Notifications 2.0 over REST (ref C.2, C.3, C.5): subscriptions, tokens, unsubscribe.
#include "tests/platform/routes/call.hpp"

#include <algorithm>
#include <array>

namespace platform_sim::routes {

namespace {

using model::notification_subscription;
using model::text_member;

constexpr std::string_view path = "/notification2/subscriptions/";
constexpr std::array<std::string_view, 8> api_names{
    "*",         "alarms", "alarmsWithChildren", "events", "eventsWithChildren", "measurements", "managedobjects",
    "operations"};
constexpr std::int64_t default_minutes = 1440;

json::object document(const call& c, const notification_subscription& of) {
    json::object made;
    made["id"] = std::to_string(of.id);
    made["self"] = c.base + std::string(path) + std::to_string(of.id);
    made["context"] = of.context;
    if (of.source != 0) made["source"] = reference(c, of.source, true);
    for (const auto& member : of.fields) made.insert_or_assign(member.key(), member.value());
    return made;
}

http_response unknown(const std::string& id) {
    return not_found("reliable-notification", "Subscription with id '" + id + "' not found");
}

bool read_texts(const json::value& from, std::vector<std::string>& into) {
    if (!from.is_array()) return false;
    for (const auto& item : from.get_array()) {
        if (!item.is_string()) return false;
        into.emplace_back(item.get_string());
    }
    return true;
}

std::optional<refusal> check_apis(const notification_subscription& of) {
    for (const auto& api : of.apis) {
        if (std::find(api_names.begin(), api_names.end(), api) == api_names.end())
            return model::invalid("Unknown API '" + api + "'");
        if (api == "*" && of.apis.size() > 1) return model::invalid("'*' must stand alone");
        if (of.context != "tenant") continue;
        if (api.ends_with("WithChildren") || api == "measurements")
            return model::invalid("API '" + api + "' is not available in context tenant");
        if (api == "events" && of.types.empty())
            return model::invalid("API 'events' needs a typeFilter in context tenant");
    }
    return std::nullopt;
}

std::optional<refusal> read_filter(const json::object& body, notification_subscription& into) {
    const json::value* filter = body.if_contains("subscriptionFilter");
    if (filter == nullptr || filter->is_null()) return std::nullopt;
    if (!filter->is_object()) return model::invalid("subscriptionFilter is no object");
    const auto& fields = filter->get_object();
    if (const json::value* apis = fields.if_contains("apis"); apis != nullptr && !read_texts(*apis, into.apis))
        return model::invalid("subscriptionFilter.apis is no array of texts");
    if (const json::value* type = fields.if_contains("typeFilter"); type != nullptr) {
        into.type_filter = text_member(fields, "typeFilter");
        if (into.type_filter.empty()) return model::invalid("subscriptionFilter.typeFilter is no text or empty");
        into.types = model::parse_type_filter(into.type_filter);
    }
    into.fields["subscriptionFilter"] = *filter;
    return check_apis(into);
}

std::optional<refusal> read_context(const call& c, const json::object& body, notification_subscription& into) {
    into.context = text_member(body, "context");
    if (into.context.empty()) return model::missing("context");
    if (into.context != "mo" && into.context != "tenant") return model::invalid("context must be 'mo' or 'tenant'");
    const bool has_source = body.contains("source");
    if (into.context == "tenant") {
        if (has_source) return model::invalid("source is not allowed in context tenant");
        return std::nullopt;
    }
    if (!has_source) return model::missing("source");
    into.source = model::reference_member(body, "source");
    if (c.of.objects.find(into.source) != nullptr) return std::nullopt;
    return refusal{404, "reliable-notification/Not Found",
                   "Managed object '" + std::to_string(into.source) + "' not found"};
}

std::optional<refusal> read_subscription(const call& c, const json::object& body, notification_subscription& into) {
    if (auto no = read_context(c, body, into)) return no;
    into.name = text_member(body, "subscription");
    if (into.name.empty()) return model::missing("subscription");
    into.fields["subscription"] = into.name;
    if (const json::value* flag = body.if_contains("nonPersistent"); flag != nullptr && !flag->is_null()) {
        if (!flag->is_bool()) return model::invalid("nonPersistent is no boolean");
        into.non_persistent = flag->get_bool();
    }
    into.fields["nonPersistent"] = into.non_persistent;
    if (auto no = read_filter(body, into)) return no;
    if (const json::value* copied = body.if_contains("fragmentsToCopy"); copied != nullptr && !copied->is_null()) {
        if (!read_texts(*copied, into.fragments)) return model::invalid("fragmentsToCopy is no array of texts");
        into.fields["fragmentsToCopy"] = *copied;
    }
    return std::nullopt;
}

http_response create(call& c) {
    http_response no;
    const auto body = read_body(c, "reliable-notification", no);
    if (!body) return no;
    notification_subscription made;
    if (const auto wrong = read_subscription(c, *body, made)) return refuse(*wrong);
    made.id = c.of.next_id();
    const json::object answer = document(c, made);
    const std::string duplicate = "Subscription with source <'" + (made.source ? std::to_string(made.source) : "") +
                                  "'>, context <'" + made.context + "'> & subscription <'" + made.name +
                                  "'> already exists!";
    if (!c.of.notifications.subscribe(std::move(made)))
        return refuse({409, "reliable-notification/Duplicate", duplicate});
    return created(c, "subscription", std::string(text_member(answer, "self")), answer);
}

bool passes(const http_request& http, const notification_subscription& of) {
    if (http.has_parameter("context") && of.context != http.parameter("context")) return false;
    if (http.has_parameter("source") && of.source != model::parse_id(http.parameter("source"))) return false;
    if (http.has_parameter("subscription") && of.name != http.parameter("subscription")) return false;
    return !http.has_parameter("typeFilter") || of.type_filter == http.parameter("typeFilter") ||
           in_list(of.types, http.parameter("typeFilter"));
}

http_response list(call& c) {
    std::vector<const notification_subscription*> found;
    for (const auto& [id, of] : c.of.notifications.subscriptions())
        if (passes(c.http, of)) found.push_back(&of);
    return paged(
        c, "subscriptionCollection", "subscriptions", found,
        [&](std::string& out, const notification_subscription* of) { model::append_json(out, document(c, *of)); });
}

http_response get(call& c) {
    const auto* found = c.of.notifications.find(model::parse_id(c.captured[0]));
    if (found == nullptr) return unknown(c.captured[0]);
    return ok(c, "subscription", model::json_text(document(c, *found)));
}

http_response remove(call& c) {
    return c.of.notifications.erase(model::parse_id(c.captured[0])) ? no_content() : unknown(c.captured[0]);
}

/// `source` is needed unless `context=tenant`; the default context is `mo` (ref C.2).
http_response remove_many(call& c) {
    const std::string context = c.http.has_parameter("context") ? std::string(c.http.parameter("context")) : "mo";
    if (context != "mo" && context != "tenant") return refuse(model::invalid("context must be 'mo' or 'tenant'"));
    if (context == "mo" && !c.http.has_parameter("source")) return refuse(model::missing("source"));
    const auto source = context == "mo" ? model::parse_id(c.http.parameter("source")) : 0;
    std::vector<std::uint64_t> gone;
    for (const auto& [id, of] : c.of.notifications.subscriptions())
        if (of.context == context && of.source == source) gone.push_back(id);
    for (const auto id : gone) (void)c.of.notifications.erase(id);
    return no_content();
}

http_response templates(call& c) {
    json::object answer;
    answer["self"] = c.base + "/notification2";
    answer["notificationSubscriptions"] = c.base + "/notification2/subscriptions";
    answer["notificationSubscriptionsBySource"] = c.base + "/notification2/subscriptions?source={source}";
    answer["notificationSubscriptionsBySourceAndContext"] =
        c.base + "/notification2/subscriptions?source={source}&context={context}";
    return ok(c, "notificationapi", model::json_text(answer));
}

std::optional<refusal> read_flag(const json::object& body, const char* name, bool& into) {
    const json::value* flag = body.if_contains(name);
    if (flag == nullptr || flag->is_null()) return std::nullopt;
    if (!flag->is_bool()) return model::invalid(std::string(name) + " is no boolean");
    into = flag->get_bool();
    return std::nullopt;
}

std::optional<refusal> read_token(const call& c, const json::object& body, model::token_claims& into, bool& is_signed) {
    into.tenant = c.of.name;
    into.subscriber = text_member(body, "subscriber");
    into.subscription = text_member(body, "subscription");
    if (into.subscriber.find_first_not_of(' ') == std::string::npos) return model::missing("subscriber");
    if (into.subscription.find_first_not_of(' ') == std::string::npos) return model::missing("subscription");
    if (const json::value* type = body.if_contains("type"); type != nullptr && !type->is_null())
        if (text_member(body, "type") != "notification") return model::invalid("type must be 'notification'");
    std::int64_t minutes = default_minutes;
    if (const json::value* given = body.if_contains("expiresInMinutes"); given != nullptr && !given->is_null()) {
        if (!given->is_int64() || given->get_int64() < 1)
            return model::invalid("expiresInMinutes must be a number from 1");
        minutes = given->get_int64();
    }
    into.issued_s = c.now_ms() / 1000;
    into.expires_s = into.issued_s + minutes * 60;
    if (auto no = read_flag(body, "shared", into.shared)) return no;
    if (auto no = read_flag(body, "nonPersistent", into.non_persistent)) return no;
    return read_flag(body, "signed", is_signed);
}

http_response create_token(call& c) {
    http_response no;
    const auto body = read_body(c, "reliable-notification", no);
    if (!body) return no;
    model::token_claims claims;
    bool is_signed = true;
    if (const auto wrong = read_token(c, *body, claims, is_signed)) return refuse(*wrong);
    json::object answer;
    answer["token"] = c.all.tokens.issue(std::move(claims), is_signed);
    return http_response(200, "application/json", model::json_text(answer));
}

http_response bad_token() {
    return refuse({422, "reliable-notification/Unprocessable Entity", "The token is not valid"});
}

http_response verify_token(call& c) {
    const auto claims = c.all.tokens.verify(c.http.parameter("token"), c.now_ms() / 1000);
    if (!claims || claims->tenant != c.of.name) return bad_token();
    return http_response(200, "application/json", claims->json());
}

http_response unsubscribe(call& c) {
    const auto claims = c.all.tokens.verify(c.http.parameter("token"), c.now_ms() / 1000);
    if (!claims || claims->tenant != c.of.name) return bad_token();
    (void)c.of.notifications.unsubscribe({claims->subscription, claims->non_persistent}, claims->subscriber);
    return http_response(200, "application/json", R"({"result":"DONE"})");
}

} // namespace

std::span<const route> notification_routes() {
    static const std::vector<route> all{
        {"GET", "/notification2", templates, {"ROLE_NOTIFICATION_2_ADMIN"}},
        {"POST", "/notification2/subscriptions", create, {"ROLE_NOTIFICATION_2_ADMIN"}},
        {"GET", "/notification2/subscriptions", list, {"ROLE_NOTIFICATION_2_ADMIN"}},
        {"DELETE", "/notification2/subscriptions", remove_many, {"ROLE_NOTIFICATION_2_ADMIN"}},
        {"GET", "/notification2/subscriptions/{id}", get, {"ROLE_NOTIFICATION_2_ADMIN"}},
        {"DELETE", "/notification2/subscriptions/{id}", remove, {"ROLE_NOTIFICATION_2_ADMIN"}},
        {"POST", "/notification2/token", create_token, {"ROLE_NOTIFICATION_2_ADMIN"}},
        {"GET", "/notification2/token", verify_token, {"ROLE_NOTIFICATION_2_ADMIN"}},
        {"POST", "/notification2/unsubscribe", unsubscribe, {}},
    };
    return all;
}

} // namespace platform_sim::routes
