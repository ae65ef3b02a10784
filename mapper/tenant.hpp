// One tenant's mapper: REST client, identities, uplink and downlink, and the mappings they run by. Isolation by
// ownership: nothing here is shared with another tenant but the link and the HTTP connections. One thread.
#pragma once

#include "common/core/clock.hpp"
#include "common/platform/platform_client.hpp"
#include "mapper/downlink/downlink_worker.hpp"
#include "mapper/uplink/identity_resolver.hpp"
#include "mapper/uplink/link_router.hpp"
#include "mapper/uplink/service_alarms.hpp"
#include "mapper/uplink/uplink_worker.hpp"

#include <memory>
#include <string>

namespace mapper {

namespace asio = boost::asio;

struct tenant_settings {
    platform::credentials who;
    std::string platform_url;
    std::string platform_ca_file;
    std::string mappings_directory;
    std::size_t requests_max = 8;
};

class tenant {
  public:
    tenant(asio::any_io_executor executor, tenant_settings settings, net::http_client& http, uplink::link_router& link,
           const core::clock& time, meters& all);
    tenant(const tenant&) = delete;
    tenant& operator=(const tenant&) = delete;

    const std::string& name() const noexcept { return settings_.who.tenant; }
    /// Loads the mappings when their files changed, whole or not at all; `force`: also when they did not. The first
    /// good set starts the work; without one, filters stay as they are, so that no backlog is thrown away by a typing
    /// error.
    void reload(bool force);
    /// Time-outs and checks of the mappings' directory. Call every second.
    void tick();
    /// Empty when all is well, else one sentence.
    std::string trouble() const;
    asio::awaitable<void> stop();

  private:
    void start_work();
    void load_operations(std::string prefix);

    tenant_settings settings_;
    tenant_meters count_;
    uplink::link_router& link_;
    platform::platform_client rest_;
    uplink::identity_resolver who_;
    uplink::uplink_worker up_;
    uplink::service_alarms alarms_;
    downlink::downlink_worker down_;
    std::string refusal_; ///< of the mappings on disk
    std::uint64_t fingerprint_ = 0;
    bool loaded_ = false;
    bool started_ = false;
    bool restored_ = false;
    std::size_t loading_ = 0; ///< questions to the keyed state on their way
    bool troubled_ = false;   ///< the platform does not accept, and the log says so
};

} // namespace mapper
