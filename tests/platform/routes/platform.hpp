// The whole stand-in without sockets: a request in, an answer out (design §11). Also decides who may become a
// notification consumer. One thread; owned by the server.
#pragma once

#include "tests/platform/routes/call.hpp"

#include <functional>

namespace platform_sim::routes {

struct platform_settings {
    model::account_book accounts;
    model::store_limits limits;
    model::fault_settings faults;
    std::uint64_t seed = 1; ///< of the shares in `faults`
};

class platform {
  public:
    platform(platform_settings with, const core::clock& clock);

    /// The answer of the platform, or of `/sim/…`. Faults other than hanging and delays are answered here too.
    http_response handle(const http_request& request);

    struct disruption {
        std::chrono::milliseconds delay{0};
        std::optional<http_response> instead; ///< answer this
        bool hang = false;                    ///< answer nothing
    };
    /// What happens to the request before `handle`; `/sim/…` is never disturbed.
    disruption disrupt(const http_request& request);

    struct admission {
        std::optional<http_response> refusal; ///< 401, 409 (ref C.7)
        std::string tenant;
        model::notification_hub::attachment as;
    };
    /// Judges an upgrade request to `/notification2/consumer[/]`.
    admission admit_consumer(const http_request& request);

    /// Objects by kind, requests by route and status, logins by user, duplicates: the body of `GET /sim/stats`.
    std::string statistics() const;
    /// Forgets what tenants hold, and the counters; users and faults stay. Consumers must be detached before.
    void reset();
    world& all() noexcept { return *world_; }
    /// Called by reset before anything is destroyed: whoever serves consumers ends them here.
    void on_reset(std::function<void()> call) { before_reset_ = std::move(call); }

  private:
    http_response route_request(const http_request& request, std::string& counted_as);
    http_response serve(const route& chosen, const http_request& request, std::vector<std::string> captured);
    http_response handle_sim(const http_request& request);
    http_response set_faults(const http_request& request);
    http_response show_faults() const;
    http_response put_user(const http_request& request);
    http_response remove_user(std::string_view tenant_and_name);
    void count_login(const http_request& request, unsigned status);

    platform_settings settings_;
    const core::clock& clock_;
    std::unique_ptr<world> world_;
    std::vector<const route*> routes_;
    std::vector<std::vector<std::string>> patterns_; ///< segments, beside routes_
    std::map<std::pair<std::string, unsigned>, std::uint64_t> answered_;
    /// Answers of `GET /user/currentUser` by the name that was given.
    std::map<std::string, std::map<unsigned, std::uint64_t>, std::less<>> logins_;
    std::function<void()> before_reset_;
};

} // namespace platform_sim::routes
