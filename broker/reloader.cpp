#include "broker/reloader.hpp"

#include "common/core/log.hpp"

#include <utility>
#include <vector>

namespace broker {

namespace {
const std::string settings_group = "settings";
const std::string users_group = "users";
const std::string certificates_group = "certificates";
} // namespace

reloader::reloader(asio::any_io_executor executor, config& settings, auth::file_provider* users,
                   tenant::tenant_registry& tenants, std::shared_ptr<net::tls_context> tls)
    : settings_(settings), users_(users), tenants_(tenants), tls_(std::move(tls)),
      watch_([this](const std::string& group) { on_change(group); }), tasks_(std::move(executor), "reload") {}

void reloader::start() {
    if (settings_.reload_interval.count() == 0) return;
    if (!settings_.file.empty()) watch_.watch(settings_group, {settings_.file});
    if (users_ != nullptr) watch_.watch(users_group, users_->files());
    watch_certificates();
    tasks_.spawn("watch", watch_.run(settings_.reload_interval));
}

asio::awaitable<void> reloader::stop() {
    tasks_.stop();
    co_await tasks_.join();
}

void reloader::watch_certificates() {
    if (!tls_) return;
    const auto& options = settings_.tls_options;
    std::vector<std::string> files;
    const auto add = [&](const std::string& file) {
        if (!file.empty()) files.push_back(file);
    };
    add(options.certificate);
    add(options.key);
    for (const auto& pair : options.more_certificates) {
        add(pair.certificate);
        add(pair.key);
    }
    watch_.watch(certificates_group, files);
}

void reloader::on_change(const std::string& group) {
    if (group == settings_group)
        reload_settings();
    else if (group == users_group)
        reload_users();
    else
        reload_certificates();
}

void reloader::reload_all() {
    reload_settings();
    reload_users();
    reload_certificates();
}

// --- broker.yaml

void reloader::reload_settings() {
    if (settings_.file.empty()) return;
    watch_.forget_changes(settings_group);
    config fresh;
    std::string complaints;
    // Certificates are part of the whole: with one that cannot be used nothing of the file is taken.
    const bool good = load(settings_.file, fresh, complaints);
    if (good && tls_ && fresh.tls.enabled) (void)tls_->reload(fresh.tls_options, &complaints);
    if (!complaints.empty()) {
        ++settings_count_.failed;
        core::log::error("settings not reloaded, the old ones stay",
                         {{"file", settings_.file}, {"complaints", complaints}});
        return;
    }
    ++settings_count_.done;
    if (const auto fixed = fixed_differences(settings_, fresh); !fixed.empty())
        core::log::warn("settings that only a restart changes", {{"file", settings_.file}, {"keys", fixed}});
    core::log::info("settings reloaded", {{"file", settings_.file}});
    apply(std::move(fresh));
}

void reloader::apply(config fresh) {
    settings_.log_level = fresh.log_level;
    core::log::set_level(fresh.log_level);
    settings_.limits = fresh.limits;
    if (fresh.tls.enabled) {
        settings_.tls_options = std::move(fresh.tls_options);
        watch_certificates();
    }
    settings_.tenants = std::move(fresh.tenants);
    tenants_.reload(settings_.tenants);
}

// --- tenants.yaml

void reloader::reload_users() {
    if (users_ == nullptr) return;
    watch_.forget_changes(users_group);
    users_->reload([this](const std::string& complaints) { on_users(complaints); });
}

void reloader::on_users(const std::string& complaints) {
    watch_.watch(users_group, users_->files());
    if (complaints.empty()) {
        ++users_count_.done;
        core::log::info("users reloaded", {{"file", settings_.logins.file}});
    } else {
        ++users_count_.failed;
        core::log::error("users not reloaded, the old ones stay", {{"complaints", complaints}});
    }
}

// --- certificates and keys

void reloader::reload_certificates() {
    if (!tls_) return;
    watch_.forget_changes(certificates_group);
    std::string why;
    if (tls_->reload(&why)) {
        ++certificates_count_.done;
        core::log::info("certificates reloaded");
        return;
    }
    ++certificates_count_.failed;
    core::log::error("certificates not reloaded, the old ones stay", {{"why", why}});
}

} // namespace broker
