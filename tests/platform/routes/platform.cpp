#include "tests/platform/routes/platform.hpp"

#include "common/net/encoding.hpp"
#include "tests/platform/model/text.hpp"

namespace platform_sim::routes {

namespace {

constexpr std::string_view login_route = "GET /user/currentUser";
constexpr std::size_t login_names_max = 100'000;

std::string_view path_of(const http_request& request) {
    return std::string_view(request.target).substr(0, request.target.find('?'));
}

/// Segments as sent, without a last empty one.
std::vector<std::string_view> segments_of(std::string_view path) {
    if (path.starts_with('/')) path.remove_prefix(1);
    if (path.ends_with('/')) path.remove_suffix(1);
    return model::split(path, '/');
}

bool is_capture(std::string_view segment) { return segment.starts_with('{'); }

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string_view>& path) {
    if (pattern.size() != path.size()) return false;
    for (std::size_t i = 0; i < path.size(); ++i)
        if (!is_capture(pattern[i]) && pattern[i] != path[i]) return false;
    return true;
}

/// POST may stand for another method (ref D.1, limited clients).
std::string method_of(const http_request& request) {
    const auto instead = request.headers.get("X-HTTP-METHOD");
    return request.method == "POST" && !instead.empty() ? std::string(instead) : request.method;
}

http_response unauthorized() {
    auto answer = refuse({401, "security/Unauthorized", "Invalid credentials! : Bad credentials"});
    answer.headers.set("WWW-Authenticate", "Basic realm=\"platform\"");
    return answer;
}

} // namespace

platform::platform(platform_settings with, const core::clock& clock)
    : settings_(std::move(with)), clock_(clock),
      world_(std::make_unique<world>(clock, settings_.accounts, settings_.limits, settings_.seed)) {
    world_->faults.set(settings_.faults);
    for (const auto group :
         {account_routes(), inventory_routes(), identity_routes(), measurement_routes(), event_routes(), alarm_routes(),
          operation_routes(), notification_routes(), certificate_routes(), chain_routes(), option_routes(),
          feature_routes(), registration_routes()})
        for (const route& one : group) {
            routes_.push_back(&one);
            auto& pattern = patterns_.emplace_back();
            for (const auto segment : segments_of(one.pattern)) pattern.emplace_back(segment);
        }
}

http_response platform::handle(const http_request& request) {
    if (path_of(request).starts_with("/sim/")) return handle_sim(request);
    std::string counted_as = "unknown";
    auto answer = route_request(request, counted_as);
    if (counted_as == login_route) count_login(request, answer.status);
    ++answered_[{std::move(counted_as), answer.status}];
    return answer;
}

/// By the name as given, so that tests see who was asked for how often; beyond the maximum under one name.
void platform::count_login(const http_request& request, unsigned status) {
    const auto given = net::parse_basic_authorization(request.headers.get("Authorization"));
    std::string name = given ? given->user : std::string("(none)");
    if (logins_.size() >= login_names_max && !logins_.contains(name)) name = "(others)";
    ++logins_[std::move(name)][status];
}

http_response platform::route_request(const http_request& request, std::string& counted_as) {
    const auto path = segments_of(path_of(request));
    const std::string method = method_of(request);
    bool path_known = false;
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        if (!fits(patterns_[i], path)) continue;
        path_known = true;
        if (routes_[i]->method != method) continue;
        counted_as = method + " " + std::string(routes_[i]->pattern);
        std::vector<std::string> captured;
        for (std::size_t k = 0; k < path.size(); ++k) {
            if (!is_capture(patterns_[i][k])) continue;
            auto decoded = net::percent_decode(path[k]);
            captured.push_back(decoded ? std::move(*decoded) : std::string(path[k]));
        }
        return serve(*routes_[i], request, std::move(captured));
    }
    if (path_known) return refuse({405, "general/Method Not Allowed", "Method " + method + " is not allowed here"});
    return not_found("general", "There is nothing at " + std::string(path_of(request)));
}

http_response platform::serve(const route& chosen, const http_request& request, std::vector<std::string> captured) {
    const auto* who = world_->accounts.authenticate(request.headers.get("Authorization"));
    if (who == nullptr) return unauthorized();
    bool has_role = chosen.roles.empty();
    for (const auto role : chosen.roles) has_role = has_role || who->has(role);
    if (!has_role && !chosen.owner) return forbidden();
    const auto host = request.headers.get("Host");
    call c{*world_,
           request,
           world_->tenant(who->tenant),
           *who,
           std::move(captured),
           !has_role,
           "http://" + (host.empty() ? std::string("localhost") : std::string(host))};
    return chosen.serve(c);
}

platform::disruption platform::disrupt(const http_request& request) {
    disruption how;
    const auto path = path_of(request);
    if (path.starts_with("/sim/") || !path.starts_with(world_->faults.settings().path)) return how;
    using verdict = model::fault_plan::verdict;
    how.delay = world_->faults.settings().delay;
    const auto decided = world_->faults.decide(clock_.now());
    if (decided == verdict::hang) how.hang = true;
    if (decided == verdict::fail) how.instead = refuse({500, "general/internalError", "The stand-in was told to fail"});
    if (decided == verdict::down)
        how.instead = refuse({503, "general/Service Unavailable", "The stand-in was told to be down"});
    if (decided == verdict::throttle) {
        how.instead = refuse({429, "general/Too Many Requests", "The limit of requests per second is reached"});
        how.instead->headers.set("Retry-After", "1");
    }
    if (how.instead) ++answered_[{"disturbed", how.instead->status}];
    if (how.hang) ++answered_[{"disturbed", 0}];
    return how;
}

platform::admission platform::admit_consumer(const http_request& request) {
    admission made;
    const auto claims = world_->tokens.verify(request.parameter("token"), clock_.wall_ms() / 1000);
    if (!claims) {
        made.refusal = refuse({401, "security/Unauthorized", "The token is missing, not valid or expired"});
    } else {
        made.tenant = claims->tenant;
        made.as.topic = {claims->subscription, claims->non_persistent};
        made.as.subscriber = claims->subscriber;
        made.as.shared = claims->shared;
        made.as.client = request.parameter("consumer");
        if (world_->tenant(made.tenant).notifications.busy(made.as))
            made.refusal =
                refuse({409, "reliable-notification/Conflict", "The subscriber has a connected client already"});
    }
    ++answered_[{"GET /notification2/consumer", made.refusal ? made.refusal->status : 101}];
    return made;
}

} // namespace platform_sim::routes
