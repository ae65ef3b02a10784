// `scheme://host[:port][/target]`: only what we dial. IPv6 hosts in brackets.
#pragma once

#include "common/core/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace net {

struct url {
    std::string scheme; ///< ws, wss, http, https
    std::string host;   ///< without brackets
    std::uint16_t port = 0;
    std::string target = "/"; ///< path and query, as given

    bool secure() const noexcept { return scheme == "wss" || scheme == "https"; }
    /// For the Host header: with brackets if needed, with the port unless it is the scheme's own.
    std::string authority() const;
};

/// Errors: `errc::bad_url`, also for a scheme we do not speak and for user information inside.
core::result<url> parse_url(std::string_view text);

} // namespace net
