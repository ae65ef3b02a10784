// External ID to managed object ID (ref D.3): cached, looked up once however many ask at the same time, created on
// first contact where the mapping allows it. Never two devices for one external ID: the binding decides who won, and
// the loser's object is deleted again. One per tenant; one thread; `rest`, clock and meters outlive it.
#pragma once

#include "common/async/task_group.hpp"
#include "common/core/clock.hpp"
#include "common/platform/rest.hpp"
#include "mapper/transform/outcome.hpp"
#include "mapper/uplink/meters.hpp"

#include <deque>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

namespace mapper::uplink {

namespace asio = boost::asio;

struct resolution {
    enum class outcome { known, unknown, refused };
    outcome what = outcome::unknown;
    std::string id;                   ///< when known
    platform::platform_error problem; ///< when refused, or why it is unknown
};

struct resolver_options {
    std::size_t entries_max = 200'000;
    std::chrono::milliseconds known_for{std::chrono::minutes(30)};
    std::chrono::milliseconds unknown_for{10'000};
    std::size_t lookups_max = 8; ///< at a time
    platform::retry_delays delays;

    resolver_options() = default;
};

class identity_resolver {
  public:
    using answer = std::function<void(const resolution&)>;
    using created_handler = std::function<void(const std::string& id)>;

    identity_resolver(asio::any_io_executor executor, platform::rest& via, const core::clock& time,
                      tenant_meters& count, resolver_options options);
    identity_resolver(const identity_resolver&) = delete;
    identity_resolver& operator=(const identity_resolver&) = delete;

    static std::string key_of(std::string_view type, std::string_view external_id);

    /// The ID when it is known and fresh; null otherwise. Valid until the next call.
    const std::string* known(const std::string& key);
    /// Calls `then` once: at once when the cache knows, else when the platform decided; never after `stop`.
    void resolve(const transform::device_reference& device, answer then);
    /// How long ago it was learned; zero when it is not known.
    std::chrono::milliseconds age(const std::string& key) const;
    void forget(const std::string& key);
    /// Told of each device that was created here.
    void on_created(created_handler handler) { created_ = std::move(handler); }
    void observe(platform::retry_observer* observer) noexcept { observer_ = observer; }

    asio::awaitable<void> stop();
    std::size_t size() const noexcept { return by_key_.size(); }

  private:
    struct entry {
        std::string key;
        resolution what;
        core::steady_time learned;
    };
    struct lookup {
        transform::device_reference device;
        std::vector<answer> waiting;
    };
    using order = std::list<entry>; ///< most recently used first

    const entry* fresh(const std::string& key);
    void start_lookups();
    asio::awaitable<void> look_up(std::string key);
    asio::awaitable<resolution> find(transform::device_reference device);
    asio::awaitable<resolution> find_or_create(const std::string& key);
    asio::awaitable<resolution> create(transform::device_reference device);
    void learn(const std::string& key, const resolution& what);

    platform::rest& via_;
    const core::clock& clock_;
    tenant_meters& count_;
    resolver_options options_;
    async::task_group tasks_;
    created_handler created_;
    platform::retry_observer* observer_ = nullptr;
    order entries_;
    std::unordered_map<std::string, order::iterator> by_key_;
    std::unordered_map<std::string, lookup> lookups_;
    std::deque<std::string> queued_;
    std::size_t running_ = 0;
};

} // namespace mapper::uplink
