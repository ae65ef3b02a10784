#include "common/auth/file_provider.hpp"

#include "common/core/log.hpp"

#include <utility>

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
    auto loaded = load_tenants(path, with.trust);
    complaints = std::move(loaded.complaints);
    if (!loaded.directory) return nullptr;
    return std::unique_ptr<file_provider>(new file_provider(std::move(path), std::move(post), std::move(loaded), with));
}

file_provider::file_provider(std::string path, post_function post, loaded_tenants loaded, options with)
    : path_(std::move(path)), trust_(with.trust), post_(std::move(post)), directory_(std::move(loaded.directory)),
      files_(std::move(loaded.files)), worker_(with.waiting_max), loader_(2) {}

void file_provider::verify(credentials with, verify_callback done) {
    const bool taken = worker_.run([directory = directory_, with = std::move(with), done, post = post_] {
        auto result = check(*directory, with);
        post([done, result = std::move(result)] { done(result); });
    });
    if (!taken) post_([done = std::move(done)] { done(errc::busy); });
}

std::string file_provider::reload() { return take(load_tenants(path_, trust_)); }

void file_provider::reload(std::function<void(std::string complaints)> done) {
    if (loading_) {
        again_ = std::move(done);
        return;
    }
    std::weak_ptr<int> alive = alive_;
    loading_ = loader_.run(
        [this, alive = std::move(alive), path = path_, trust = trust_, post = post_, done = std::move(done)] {
            auto loaded = std::make_shared<loaded_tenants>(load_tenants(path, trust));
            post([this, alive, loaded, done] {
                if (alive.expired()) return;
                loading_ = false;
                done(take(std::move(*loaded)));
                if (auto next = std::exchange(again_, nullptr)) reload(std::move(next));
            });
        });
}

std::string file_provider::take(loaded_tenants loaded) {
    files_ = std::move(loaded.files);
    if (!loaded.directory) return std::move(loaded.complaints);
    // Many thousand tenants take a while to free: not on the loop, unless somebody there is the last who holds them.
    auto old = std::exchange(directory_, std::move(loaded.directory));
    if (!loader_.run([old = std::move(old)]() mutable { old.reset(); }))
        core::log::debug("the old tenants are freed at once", {{"file", path_}});
    core::log::info("tenants reloaded", {{"file", path_}, {"tenants", directory_->tenants.size()}});
    if (listener_) listener_();
    return {};
}

} // namespace auth
