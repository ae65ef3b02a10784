// The platform's trusted certificates of one tenant (ref F.3) and its offline revocation list (ref F.5), asked with a
// service user and turned into what a trust_store holds.
#pragma once

#include "common/auth/trust_store.hpp"
#include "common/platform/rest.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace auth {

namespace asio = boost::asio;

inline constexpr std::size_t trusted_certificates_page = 2000; ///< the platform's largest page (ref D.1)
inline constexpr std::size_t trusted_certificates_pages_max = 5;

struct certificate_page {
    std::vector<trust_anchor> anchors;
    std::vector<std::string> unreadable; ///< for the log: which, and why
    std::size_t entries = 0;             ///< of the page, the unreadable ones included
};

/// One page of `GET /tenant/tenants/{tenant}/trusted-certificates`. An entry that cannot be read is left out: one bad
/// upload must not lock out the devices of the others. Error: bad_answer.
core::result<certificate_page> read_trusted_certificates(std::string_view json);

/// `{"category":…,"key":…,"value":"true"}`
bool read_option_flag(std::string_view json);

struct fetched_trust {
    std::vector<trust_anchor> anchors;
    std::vector<std::string> unreadable; ///< entries left out
    revocation_list revoked;
    std::optional<std::string> problem; ///< set: it could not be fetched, and why; the rest is nothing then

    fetched_trust() = default;
};

/// All of one tenant, two or three requests. A list that is switched off or unknown to the platform revokes nothing;
/// one that is switched on must be read, or the whole fails. `over` outlives it.
asio::awaitable<fetched_trust> fetch_trust(platform::rest& over, core::tenant_id tenant);

} // namespace auth
