// `/sim/users`: users come, go and change their password while tests run. A tenant is there as soon as it has a user.
#include "common/net/encoding.hpp"
#include "tests/platform/routes/platform.hpp"

#include <set>

namespace platform_sim::routes {

namespace {

/// Nothing when the body has no `roles`.
std::optional<refusal> read_roles(const json::object& body, std::optional<std::set<std::string, std::less<>>>& into) {
    const json::value* given = body.if_contains("roles");
    if (given == nullptr) return std::nullopt;
    if (!given->is_array()) return model::invalid("roles is no list");
    into.emplace();
    for (const auto& one : given->get_array()) {
        if (!one.is_string()) return model::invalid("roles has something that is no text");
        into->emplace(one.get_string().data(), one.get_string().size());
    }
    return std::nullopt;
}

bool valid_name(std::string_view name) { return !name.empty() && name.find_first_of("/:") == std::string_view::npos; }

} // namespace

http_response platform::put_user(const http_request& request) {
    const auto body = model::parse_object(request.body);
    if (!body) return refuse({400, "sim/Bad Request", "The body is not a valid JSON object"});
    for (const auto& member : *body) {
        const std::string_view key(member.key().data(), member.key().size());
        if (key != "tenant" && key != "user" && key != "password" && key != "roles")
            return refuse(model::invalid("Unknown member '" + std::string(key) + "'"));
    }
    const std::string tenant(model::text_member(*body, "tenant"));
    const std::string name(model::text_member(*body, "user"));
    if (!valid_name(tenant) || !valid_name(name))
        return refuse(model::invalid("tenant and user must be texts without / and :"));
    std::optional<std::set<std::string, std::less<>>> roles;
    if (const auto no = read_roles(*body, roles)) return refuse(*no);
    const model::account* known = world_->accounts.find(tenant, name);
    std::string password(model::text_member(*body, "password"));
    if (password.empty() && (known == nullptr || body->contains("password"))) return refuse(model::missing("password"));
    if (password.empty()) password = known->password;
    const bool added = world_->accounts.put(tenant, name, std::move(password));
    if (roles) (void)world_->accounts.set_roles(tenant, name, std::move(*roles));
    return http_response(added ? 201 : 200);
}

http_response platform::remove_user(std::string_view tenant_and_name) {
    const auto slash = tenant_and_name.find('/');
    const auto tenant = net::percent_decode(tenant_and_name.substr(0, slash));
    const auto name =
        net::percent_decode(slash == std::string_view::npos ? std::string_view() : tenant_and_name.substr(slash + 1));
    if (!tenant || !name || !world_->accounts.remove(*tenant, *name))
        return not_found("sim", "No such user: " + std::string(tenant_and_name));
    return no_content();
}

} // namespace platform_sim::routes
