#include "common/auth/file_provider.hpp"

#include "common/core/log.hpp"

namespace auth {
namespace {

const user_entry* find_user(const tenant_directory& directory, const credentials& of) {
    const auto tenant = directory.tenants.find(of.tenant);
    if (tenant == directory.tenants.end()) return nullptr;
    const auto user = tenant->second.users.find(of.user);
    return user == tenant->second.users.end() ? nullptr : &user->second;
}

/// On the worker: exactly one scrypt on every path.
core::result<principal> check(const tenant_directory& directory, credentials with) {
    const user_entry* user = find_user(directory, with);
    const bool hashed = user != nullptr && user->hash.has_value();
    bool good = matches(hashed ? *user->hash : directory.dummy, with.password);
    if (!hashed) good = user != nullptr && equal_constant_time(user->plain, with.password);
    if (!good) return errc::wrong_credentials;
    principal who;
    who.tenant = std::move(with.tenant);
    who.user = std::move(with.user);
    who.roles = user->roles;
    return who;
}

} // namespace

std::unique_ptr<file_provider> file_provider::open(std::string path, post_function post, std::string& complaints,
                                                   options with) {
    auto loaded = load_tenants(path);
    complaints = std::move(loaded.complaints);
    if (!loaded.directory) return nullptr;
    return std::unique_ptr<file_provider>(
        new file_provider(std::move(path), std::move(post), std::move(loaded.directory), with));
}

file_provider::file_provider(std::string path, post_function post, std::shared_ptr<const tenant_directory> directory,
                             options with)
    : path_(std::move(path)), post_(std::move(post)), directory_(std::move(directory)), worker_(with.waiting_max) {}

void file_provider::verify(credentials with, verify_callback done) {
    const bool taken = worker_.run([directory = directory_, with = std::move(with), done, post = post_] {
        auto result = check(*directory, with);
        post([done, result = std::move(result)] { done(result); });
    });
    if (!taken) post_([done = std::move(done)] { done(errc::busy); });
}

std::string file_provider::reload() {
    auto loaded = load_tenants(path_);
    if (!loaded.directory) return loaded.complaints;
    directory_ = std::move(loaded.directory);
    core::log::info("tenants reloaded", {{"file", path_}, {"tenants", directory_->tenants.size()}});
    if (listener_) listener_();
    return {};
}

} // namespace auth
