// Authenticated REST calls for one tenant over a pooled HTTP client that tenants share. One thread; the HTTP client
// outlives it. Source: ref D.1.
#pragma once

#include "common/net/http_client.hpp"
#include "common/platform/rest.hpp"

#include <functional>
#include <string>

namespace platform {

struct credentials {
    std::string tenant;
    std::string user;
    std::string password;

    bool operator==(const credentials&) const = default;
};

class platform_client final : public rest {
  public:
    /// Route, status (0: no answer) and seconds of every attempt.
    using observer = std::function<void(std::string_view route, unsigned status, double seconds)>;

    /// `base_url`: scheme, host and port, with or without a last slash.
    platform_client(net::http_client& over, std::string base_url, const credentials& who, observer seen = {});

    asio::awaitable<reply> send(call what) override;
    const std::string& base_url() const noexcept { return base_url_; }

  private:
    net::http_client& over_;
    std::string base_url_;
    std::string authorization_;
    observer seen_;
};

} // namespace platform
