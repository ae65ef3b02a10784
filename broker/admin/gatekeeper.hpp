// Who may look at clients and end them over the ops port: a tenant's administrator (Basic login, ROLE_TENANT_ADMIN) for
// that tenant, whoever has the process's operator token (Bearer, `ops.token_file`) for all.
#pragma once

#include "common/auth/login_guard.hpp"
#include "common/net/http.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace broker::admin {

namespace asio = boost::asio;

struct access {
    bool all = false;   ///< every tenant
    std::string tenant; ///< the only one otherwise
    std::string who;    ///< for the log

    bool may_see(std::string_view other) const noexcept { return all || other == tenant; }
};

struct gatekeeper_counters {
    std::uint64_t admitted = 0;
    std::uint64_t unauthorized = 0; ///< 401
    std::uint64_t forbidden = 0;    ///< 403
    std::uint64_t throttled = 0;    ///< 429: not looked at, after too many failures
    std::uint64_t unavailable = 0;  ///< 503: the login could not be checked
};

class gatekeeper {
  public:
    /// A token shorter than this is none: it could be guessed.
    static constexpr std::size_t token_bytes_min = 16;

    /// `logins` outlives it. A wrong token counts there as a failed login from its address.
    gatekeeper(auth::login_guard& logins, std::string token_file)
        : logins_(logins), token_file_(std::move(token_file)) {}

    /// Nothing when refused: then `refusal` is the answer, of the platform's form (ref D.1).
    asio::awaitable<std::optional<access>> admit(const net::http_request& request, net::http_response& refusal);
    /// 403 in the same form, for what this caller may not see.
    net::http_response forbid(std::string_view why);
    /// The first word of the file, which is read each time, so that a new token needs no reload. Empty, with the reason
    /// for an operator, when there is none that can be used.
    static std::string read_token(const std::string& file, std::string& why_not);
    const gatekeeper_counters& counters() const noexcept { return counters_; }

  private:
    bool is_operator(std::string_view token) const;
    net::http_response unauthorized(std::string_view why);
    net::http_response too_many(std::string_view user, std::string_view remote);

    auth::login_guard& logins_;
    std::string token_file_;
    gatekeeper_counters counters_;
};

} // namespace broker::admin
