#include "common/platform/service_credentials.hpp"

#include "common/core/log.hpp"

#include <simdjson.h>

namespace platform {

std::optional<std::vector<credentials>> read_subscriptions(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    simdjson::dom::array users;
    if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
    if (root["users"].get(users) != simdjson::SUCCESS) return std::nullopt;
    std::vector<credentials> all;
    for (const auto user : users) {
        std::string_view tenant;
        std::string_view name;
        std::string_view password;
        if (user["tenant"].get(tenant) != simdjson::SUCCESS || user["name"].get(name) != simdjson::SUCCESS ||
            user["password"].get(password) != simdjson::SUCCESS || tenant.empty())
            return std::nullopt;
        all.push_back({std::string(tenant), std::string(name), std::string(password)});
    }
    return all;
}

service_credentials::service_credentials(std::vector<credentials> fixed, std::unique_ptr<rest> bootstrap)
    : bootstrap_(std::move(bootstrap)), complete_(bootstrap_ == nullptr) {
    for (auto& one : fixed) fixed_.insert_or_assign(one.tenant, one);
}

const credentials* service_credentials::find(const std::string& tenant) const {
    for (const auto* from : {&fixed_, &subscribed_})
        if (const auto found = from->find(tenant); found != from->end()) return &found->second;
    return nullptr;
}

std::vector<std::string> service_credentials::tenants() const {
    std::vector<std::string> all;
    for (const auto& [tenant, who] : fixed_) all.push_back(tenant);
    for (const auto& [tenant, who] : subscribed_)
        if (!fixed_.contains(tenant)) all.push_back(tenant);
    return all;
}

asio::awaitable<bool> service_credentials::refresh() {
    if (!bootstrap_) co_return true;
    call what("GET", "/application/currentApplication/subscriptions", "subscriptions");
    what.accept = "applicationUserCollection";
    reply got = co_await bootstrap_->send(std::move(what));
    std::optional<std::vector<credentials>> read;
    if (got.ok()) read = read_subscriptions(got.body);
    if (!read) {
        if (!troubled_)
            core::log::warn("the subscribed tenants cannot be read from the platform",
                            {{"why", got.ok() ? "the answer does not have the form of one" : got.problem.text()}});
        troubled_ = true;
        co_return false;
    }
    if (troubled_) core::log::info("the subscribed tenants can be read again");
    troubled_ = false;
    complete_ = true;
    subscribed_.clear();
    for (auto& one : *read) subscribed_.insert_or_assign(one.tenant, one);
    co_return true;
}

} // namespace platform
