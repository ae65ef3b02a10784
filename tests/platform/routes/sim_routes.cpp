// `/sim/…`: what a test asks and tells the stand-in itself. No login, never disturbed by faults, not counted.
#include "common/core/json_writer.hpp"
#include "tests/platform/routes/platform.hpp"

namespace platform_sim::routes {

namespace {

http_response json_answer(std::string body) { return http_response(200, "application/json", std::move(body)); }

std::optional<refusal> read_share(const json::object& body, const char* name, double& into) {
    const json::value* given = body.if_contains(name);
    if (given == nullptr) return std::nullopt;
    if (!given->is_number()) return model::invalid(std::string(name) + " is no number");
    const double share = given->to_number<double>();
    if (!(share >= 0 && share <= 1)) return model::invalid(std::string(name) + " must be from 0 to 1");
    into = share;
    return std::nullopt;
}

std::optional<refusal> read_count(const json::object& body, const char* name, std::int64_t most, std::int64_t& into) {
    const json::value* given = body.if_contains(name);
    if (given == nullptr) return std::nullopt;
    if (!given->is_int64() || given->get_int64() < 0 || given->get_int64() > most)
        return model::invalid(std::string(name) + " must be a number from 0 to " + std::to_string(most));
    into = given->get_int64();
    return std::nullopt;
}

std::optional<refusal> read_switch(const json::object& body, model::fault_settings& into) {
    if (const json::value* down = body.if_contains("down")) {
        if (!down->is_bool()) return model::invalid("down is neither true nor false");
        into.down = down->get_bool();
    }
    if (const json::value* path = body.if_contains("path")) {
        if (!path->is_string()) return model::invalid("path is no text");
        into.path = model::text_member(body, "path");
    }
    return std::nullopt;
}

void write_tenant(core::json_writer& out, const model::tenant& of, std::size_t certificates) {
    out.object()
        .member("managedObjects", of.objects.all().size())
        .member("managedObjectsCreated", of.objects.created_count());
    out.member("externalIds", of.objects.external_id_count());
    out.member("measurements", of.measurements.added_count()).member("measurementsKept", of.measurements.kept().size());
    out.member("measurementDuplicates", of.measurements.duplicate_count());
    out.member("events", of.events.added_count()).member("alarms", of.alarms.added_count());
    out.member("operations", of.operations.added_count());
    out.member("trustedCertificates", certificates);
    const auto& hub = of.notifications;
    out.key("notifications").object().member("subscriptions", hub.subscriptions().size());
    out.member("published", hub.published_count()).member("delivered", hub.delivered_count());
    out.member("acknowledged", hub.acknowledged_count()).member("consumers", hub.consumer_count()).end();
    out.end();
}

} // namespace

http_response platform::handle_sim(const http_request& request) {
    const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
    if (path == "/sim/stats" && request.method == "GET") return json_answer(statistics());
    if (path == "/sim/health" && request.method == "GET") return json_answer(R"({"status":"UP"})");
    if (path == "/sim/faults" && request.method == "GET") return show_faults();
    if (path == "/sim/faults" && request.method == "POST") return set_faults(request);
    if (path == "/sim/reset" && request.method == "POST") {
        reset();
        return no_content();
    }
    if (path == "/sim/users" && request.method == "POST") return put_user(request);
    constexpr std::string_view one_user = "/sim/users/";
    if (path.starts_with(one_user) && request.method == "DELETE") return remove_user(path.substr(one_user.size()));
    return not_found("sim", "Known: GET /sim/stats, GET /sim/health, GET and POST /sim/faults, POST /sim/reset, "
                            "POST /sim/users, DELETE /sim/users/{tenant}/{user}");
}

std::string platform::statistics() const {
    core::json_writer out;
    out.object().key("tenants").object();
    for (const auto& [name, of] : world_->tenants) write_tenant(out.key(name), *of, world_->trust.of(name).size());
    out.end().key("requests").object();
    std::string open;
    for (const auto& [key, count] : answered_) {
        if (key.first != open) {
            if (!open.empty()) out.end();
            out.key(key.first).object();
            open = key.first;
        }
        out.member(std::to_string(key.second), count);
    }
    if (!open.empty()) out.end();
    out.end().key("logins").object();
    for (const auto& [name, answers] : logins_) {
        out.key(name).object();
        for (const auto& [status, count] : answers) out.member(std::to_string(status), count);
        out.end();
    }
    return std::move(out.end().end()).text();
}

http_response platform::show_faults() const {
    const auto& now = world_->faults.settings();
    core::json_writer out;
    out.object().member("delayMs", now.delay.count()).member("failShare", now.fail_share);
    out.member("hangShare", now.hang_share).member("throttle", now.requests_per_s_max);
    out.member("down", now.down).member("path", now.path).end();
    return json_answer(std::move(out).text());
}

http_response platform::set_faults(const http_request& request) {
    const auto body = model::parse_object(request.body);
    if (!body) return refuse({400, "sim/Bad Request", "The body is not a valid JSON object"});
    for (const auto& member : *body) {
        const std::string_view key(member.key().data(), member.key().size());
        if (key != "delayMs" && key != "failShare" && key != "hangShare" && key != "throttle" && key != "down" &&
            key != "path")
            return refuse(model::invalid("Unknown fault '" + std::string(key) + "'"));
    }
    auto wanted = world_->faults.settings();
    std::int64_t delay_ms = wanted.delay.count();
    std::int64_t throttle = wanted.requests_per_s_max;
    if (const auto no = read_count(*body, "delayMs", 600'000, delay_ms)) return refuse(*no);
    if (const auto no = read_count(*body, "throttle", 1'000'000, throttle)) return refuse(*no);
    if (const auto no = read_share(*body, "failShare", wanted.fail_share)) return refuse(*no);
    if (const auto no = read_share(*body, "hangShare", wanted.hang_share)) return refuse(*no);
    if (const auto no = read_switch(*body, wanted)) return refuse(*no);
    wanted.delay = std::chrono::milliseconds(delay_ms);
    wanted.requests_per_s_max = static_cast<std::uint32_t>(throttle);
    world_->faults.set(std::move(wanted));
    return show_faults();
}

void platform::reset() {
    if (before_reset_) before_reset_();
    world_->forget();
    answered_.clear();
    logins_.clear();
}

} // namespace platform_sim::routes
