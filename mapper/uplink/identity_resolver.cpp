#include "mapper/uplink/identity_resolver.hpp"

#include "common/core/log.hpp"
#include "mapper/api/identity.hpp"
#include "mapper/api/inventory.hpp"

namespace mapper::uplink {

using platform::send_until_decided;

identity_resolver::identity_resolver(asio::any_io_executor executor, platform::rest& via, const core::clock& time,
                                     tenant_meters& count, resolver_options options)
    : via_(via), clock_(time), count_(count), options_(options), tasks_(std::move(executor), "identity") {}

std::string identity_resolver::key_of(std::string_view type, std::string_view external_id) {
    std::string made;
    made.reserve(type.size() + external_id.size() + 1);
    made.append(type).push_back('\0');
    return made.append(external_id);
}

const identity_resolver::entry* identity_resolver::fresh(const std::string& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    const auto at = found->second;
    const bool is_known = at->what.what == resolution::outcome::known;
    if (clock_.now() - at->learned > (is_known ? options_.known_for : options_.unknown_for)) {
        entries_.erase(at);
        by_key_.erase(found);
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, at);
    return &*at;
}

const std::string* identity_resolver::known(const std::string& key) {
    const auto* found = fresh(key);
    return found != nullptr && found->what.what == resolution::outcome::known ? &found->what.id : nullptr;
}

std::chrono::milliseconds identity_resolver::age(const std::string& key) const {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return std::chrono::milliseconds(0);
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - found->second->learned);
}

void identity_resolver::forget(const std::string& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    entries_.erase(found->second);
    by_key_.erase(found);
}

void identity_resolver::learn(const std::string& key, const resolution& what) {
    forget(key);
    entries_.push_front({key, what, clock_.now()});
    by_key_[key] = entries_.begin();
    while (by_key_.size() > options_.entries_max) {
        by_key_.erase(entries_.back().key);
        entries_.pop_back();
    }
}

void identity_resolver::resolve(const transform::device_reference& device, answer then) {
    auto key = key_of(device.type, device.external_id);
    if (const auto* found = fresh(key); found != nullptr) {
        // Unknown to a mapping that may not create it does not bind one that may.
        if (found->what.what != resolution::outcome::unknown || !device.create) {
            const auto what = found->what;
            then(what);
            return;
        }
    }
    auto& pending = lookups_[key];
    const bool first = pending.waiting.empty();
    if (first || (device.create && !pending.device.create)) pending.device = device;
    pending.waiting.push_back(std::move(then));
    if (!first) return;
    queued_.push_back(std::move(key));
    start_lookups();
}

void identity_resolver::start_lookups() {
    while (running_ < options_.lookups_max && !queued_.empty()) {
        auto key = std::move(queued_.front());
        queued_.pop_front();
        if (tasks_.spawn("look_up", look_up(std::move(key)))) ++running_;
    }
}

asio::awaitable<void> identity_resolver::look_up(std::string key) {
    const auto what = co_await find_or_create(key);
    if (tasks_.stopping()) co_return;
    --running_;
    learn(key, what);
    auto done = std::move(lookups_.at(key));
    lookups_.erase(key);
    for (auto& tell : done.waiting) tell(what);
    start_lookups();
}

asio::awaitable<resolution> identity_resolver::find_or_create(const std::string& key) {
    auto device = lookups_.at(key).device;
    auto found = co_await find(device);
    // Somebody who may create it can have come meanwhile.
    device = lookups_.at(key).device;
    if (found.what != resolution::outcome::unknown || !device.create) co_return found;
    auto made = co_await create(std::move(device));
    co_return made;
}

asio::awaitable<resolution> identity_resolver::find(transform::device_reference device) {
    auto question = api::find_external_id(device.type, device.external_id);
    const auto got = co_await send_until_decided(via_, std::move(question), observer_, options_.delays);
    resolution made;
    made.problem = got.problem;
    if (got.ok()) made.id = api::managed_object_of(got.body);
    if (!made.id.empty())
        made.what = resolution::outcome::known;
    else if (got.status != 404)
        made.what = resolution::outcome::refused;
    co_return made;
}

asio::awaitable<resolution> identity_resolver::create(transform::device_reference device) {
    resolution made;
    made.what = resolution::outcome::refused;
    auto object = api::create_managed_object(device.create_body);
    const auto created = co_await send_until_decided(via_, std::move(object), observer_, options_.delays);
    const auto id = created.ok() ? api::id_of(created.body) : std::string();
    if (id.empty()) {
        made.problem = created.problem;
        co_return made;
    }
    auto binding = api::bind_external_id(id, device.type, device.external_id);
    const auto bound = co_await send_until_decided(via_, std::move(binding), observer_, options_.delays);
    if (bound.ok()) {
        made.what = resolution::outcome::known;
        made.id = id;
    } else if (bound.status == 409) {
        made = co_await find(device); // another instance won; or we did, and the answer was lost
    } else {
        made.problem = bound.problem;
    }
    if (made.what == resolution::outcome::known && made.id == id) {
        count_.devices_created.add();
        core::log::debug("device created", {{"id", id}, {"type", device.type}, {"external_id", device.external_id}});
        if (created_) created_(id);
    } else {
        auto removal = api::delete_managed_object(id);
        const auto removed = co_await send_until_decided(via_, std::move(removal), observer_, options_.delays);
        if (!removed.ok())
            core::log::warn("a device made in vain was not deleted", {{"id", id}, {"why", removed.problem.text()}});
    }
    co_return made;
}

asio::awaitable<void> identity_resolver::stop() {
    tasks_.stop();
    co_await tasks_.join();
    lookups_.clear();
    queued_.clear();
}

} // namespace mapper::uplink
