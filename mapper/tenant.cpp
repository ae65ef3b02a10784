#include "mapper/tenant.hpp"

#include "common/core/log.hpp"

namespace mapper {

namespace {

constexpr std::chrono::seconds trouble_after{5};

uplink::delivery_options sending_options(const tenant_settings& from) {
    uplink::delivery_options made;
    made.requests_max = from.requests_max;
    return made;
}

downlink::source_options source_options_of(const tenant_settings& from) {
    downlink::source_options made;
    made.url = from.platform_url;
    made.ca_file = from.platform_ca_file;
    made.tenant = from.who.tenant;
    return made;
}

downlink::messaging_doors doors_of(uplink::link_router& link, const std::string& tenant) {
    downlink::messaging_doors made;
    made.publish = [&link, tenant](const std::string& topic, const record::fields& message,
                                   uplink::link_router::settled_handler then) {
        link.publish(tenant, topic, message, std::move(then));
    };
    made.put = [&link, tenant](std::string key, std::optional<std::string> value, std::function<void(bool)> then) {
        link.put_state(tenant, std::move(key), std::move(value),
                       [then = std::move(then)](msg_link::reason why) { then(why == msg_link::reason::ok); });
    };
    return made;
}

} // namespace

tenant::tenant(asio::any_io_executor executor, tenant_settings settings, net::http_client& http,
               uplink::link_router& link, const core::clock& time, meters& all)
    : settings_(std::move(settings)), count_(all.of(settings_.who.tenant)), link_(link),
      rest_(http, settings_.platform_url, settings_.who,
            [&all](std::string_view route, unsigned status, double seconds) {
                all.observe_request(route, status, seconds);
            }),
      who_(executor, rest_, time, count_, uplink::resolver_options()),
      up_(executor, settings_.who.tenant, link, rest_, who_, time, count_, uplink::worker_options(),
          sending_options(settings_)),
      alarms_(executor, settings_.who.tenant, link, rest_, who_, count_, platform::retry_delays()),
      down_(executor, settings_.who.tenant, doors_of(link, settings_.who.tenant), rest_, time, count_,
            source_options_of(settings_)) {
    alarms_.begin();
    up_.answers_to(&down_);
    who_.on_created([this](const std::string& id) { down_.device_created(id); });
}

void tenant::reload(bool force) {
    const auto now = mapping::fingerprint_of(settings_.mappings_directory, name());
    if (!force && loaded_ && now == fingerprint_) return;
    loaded_ = true;
    fingerprint_ = now;
    auto read = mapping::load_tenant(settings_.mappings_directory, name());
    fingerprint_ = read.fingerprint;
    if (!read.made) {
        count_.reloads_refused.add();
        refusal_ = read.complaints.empty() ? "mappings refused" : read.complaints.front().text();
        core::log::error("mappings refused; the ones in use stay",
                         {{"tenant", name()}, {"complaints", read.complaints.size()}});
        for (const auto& one : read.complaints)
            core::log::error("mapping", {{"tenant", name()}, {"complaint", one.text()}});
        return;
    }
    refusal_.clear();
    count_.reloads_done.add();
    core::log::info("mappings loaded", {{"tenant", name()}, {"count", read.made->mappings().size()}});
    down_.use(read.made);
    up_.use(read.made);
    start_work();
}

/// Answers may come as soon as we subscribe: the operations they answer must be known by then.
void tenant::start_work() {
    if (started_) return;
    started_ = true;
    load_operations(std::string(downlink::open_operations::key_prefix));
}

/// All keys of the prefix; where they do not fit one answer, those of each next digit.
void tenant::load_operations(std::string prefix) {
    ++loading_;
    link_.get_state(name(), prefix, true, [this, prefix](msg_link::reason why, std::vector<uplink::state_item> items) {
        if (why == msg_link::reason::too_large) {
            for (const auto& one : items)
                if (one.key == prefix) down_.restore(one.value);
            for (char digit = '0'; digit <= '9'; ++digit) load_operations(prefix + digit);
        } else {
            for (const auto& one : items) down_.restore(one.value);
        }
        if (why != msg_link::reason::ok && why != msg_link::reason::too_large)
            core::log::error("open operations could not be read", {{"tenant", name()}, {"why", msg_link::text(why)}});
        if (--loading_ > 0) return;
        restored_ = true;
        up_.begin();
        down_.begin();
    });
}

void tenant::tick() {
    reload(false);
    if (restored_) down_.tick();
    const bool lasting = up_.sending().trouble_lasts() > trouble_after;
    if (lasting && !troubled_)
        core::log::warn("the platform does not accept; messages wait",
                        {{"tenant", name()}, {"why", up_.sending().trouble()}});
    if (troubled_ && up_.sending().trouble().empty())
        core::log::info("the platform accepts again", {{"tenant", name()}});
    troubled_ = lasting || (troubled_ && !up_.sending().trouble().empty());
}

std::string tenant::trouble() const {
    if (!started_) return refusal_.empty() ? "no mappings loaded" : refusal_;
    if (!restored_) return "reading open operations";
    if (auto why = up_.trouble(); !why.empty()) return why;
    if (troubled_) return "platform: " + up_.sending().trouble();
    return down_.trouble();
}

asio::awaitable<void> tenant::stop() {
    co_await who_.stop();
    co_await alarms_.stop();
    co_await down_.stop();
    co_await up_.stop();
}

} // namespace mapper
