#include "messaging/admin/context.hpp"

#include "common/core/json_writer.hpp"
#include "common/core/log.hpp"

namespace messaging::admin {

namespace {

std::string_view error_name(unsigned status) noexcept {
    switch (status) {
    case 400: return "messaging-management/Bad Request";
    case 401: return "security/Unauthorized";
    case 403: return "security/Forbidden";
    case 404: return "messaging-management/Not Found";
    case 405: return "messaging-management/Method Not Allowed";
    case 409: return "messaging-management/Conflict";
    case 422: return "messaging-management/Unprocessable Entity";
    case 429: return "messaging-management/Too Many Requests";
    case 503: return "messaging-management/Service Unavailable";
    case 507: return "messaging-management/Insufficient Storage";
    default: return "messaging-management/Error";
    }
}

unsigned status_of(msg_link::reason why) noexcept {
    switch (why) {
    case msg_link::reason::busy: return 409;
    case msg_link::reason::topic_backlog_full:
    case msg_link::reason::tenant_backlog_full:
    case msg_link::reason::state_full:
    case msg_link::reason::disk_full: return 507;
    case msg_link::reason::store_failed:
    case msg_link::reason::shutting_down: return 503;
    case msg_link::reason::not_found: return 404;
    default: return 422;
    }
}

} // namespace

management_context::management_context(topic::hub& to, auth::login_guard& who, const core::clock& time,
                                       ops::metrics& numbers, management_options with)
    : hub(to), logins(who), clock(time), options(std::move(with)), started_ms(time.wall_ms()),
      answered(numbers.counters("messaging_management_requests_total", "Management requests admitted").with()),
      changed(numbers.counters("messaging_management_changes_total", "Things that management changed").with()),
      refused(numbers.counters("messaging_management_refused_total", "Management requests that were refused",
                               {"reason"})) {}

net::http_response management_context::refuse(unsigned status, std::string_view reason,
                                              const net::http_request& request, std::string_view why) {
    refused.with({std::string(reason)}).add();
    core::log::warn("refused",
                    {{"door", "management"}, {"reason", reason}, {"peer", request.remote_address}, {"why", why}});
    core::json_writer body;
    body.object().member("error", error_name(status)).member("message", why).member("info", "/openapi.json").end();
    auto answer = net::json_response(status, std::move(body).text());
    if (status == 503) answer.headers.set("Retry-After", "1");
    if (status == 401) answer.headers.set("WWW-Authenticate", "Basic realm=\"management\", charset=\"UTF-8\"");
    return answer;
}

net::http_response management_context::refuse(msg_link::reason why, const net::http_request& request) {
    return refuse(status_of(why), msg_link::name(why), request, msg_link::text(why));
}

topic::tenant* find_tenant(topic::hub& in, std::string_view name) {
    const auto found = in.tenants().find(name);
    return found == in.tenants().end() ? nullptr : found->second.get();
}

topic::topic* find_topic(topic::tenant& in, std::string_view name_space, std::string_view name) {
    const auto space = in.spaces.find(name_space);
    if (space == in.spaces.end()) return nullptr;
    const auto found = space->second.topics.find(name);
    return found == space->second.topics.end() ? nullptr : found->second.get();
}

} // namespace messaging::admin
