#include "common/auth/current_user.hpp"

#include <simdjson.h>

#include <string>

namespace auth {

core::result<principal> read_current_user(std::string_view json, const core::tenant_id& tenant) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return errc::bad_answer;
    std::string_view name;
    if (root["userName"].get(name) != simdjson::SUCCESS && root["id"].get(name) != simdjson::SUCCESS)
        return errc::bad_answer;
    if (name.empty()) return errc::bad_answer;
    bool enabled = true;
    if (root["enabled"].get(enabled) == simdjson::SUCCESS && !enabled) return errc::wrong_credentials;
    principal who;
    who.tenant = tenant;
    who.user = std::string(name);
    simdjson::dom::array roles;
    if (root["effectiveRoles"].get(roles) != simdjson::SUCCESS) return who;
    for (const auto role : roles) {
        std::string_view text;
        if (role["name"].get(text) != simdjson::SUCCESS && role["id"].get(text) != simdjson::SUCCESS) continue;
        if (who.roles.size() == roles_max) break;
        who.roles.emplace_back(text);
    }
    return who;
}

bool askable(const credentials& of) noexcept {
    const auto good = [](std::string_view text) {
        for (const unsigned char c : text)
            if (c < ' ' || c == ':' || c == 0x7F) return false;
        return !text.empty();
    };
    // Longer ones the platform, or what stands before it, would refuse as a request: no answer about the credentials.
    constexpr std::size_t bytes_max = 1024;
    return of.tenant.value.size() + of.user.size() + of.password.size() <= bytes_max && good(of.tenant.value) &&
           good(of.user) && of.tenant.value.find('/') == std::string::npos &&
           of.password.find('\0') == std::string::npos;
}

} // namespace auth
