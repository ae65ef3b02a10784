// Who is calling, by what CONNECT and the TLS handshake offered (ref A.4): `<tenant>/<user>` with a password, or
// `<tenant>` with a client certificate whose chain that tenant trusts. Loop only; hashing happens elsewhere.
#pragma once

#include "broker/mqtt/reason_code.hpp"
#include "common/auth/credential_cache.hpp"
#include "common/auth/file_provider.hpp"
#include "common/core/clock.hpp"
#include "common/record/record.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace broker::login {

struct identity {
    std::string tenant;
    std::string user; ///< or the certificate's common name
    record::authentication method = record::authentication::basic;
};

struct login_result {
    mqtt::reason_code reason = mqtt::reason_code::success;
    std::string_view text; ///< for a 5.0 client; static
    identity who;
};

struct login_counters {
    std::uint64_t accepted_password = 0;
    std::uint64_t accepted_certificate = 0;
    std::uint64_t refused_credentials = 0;
    std::uint64_t refused_certificate = 0;
    std::uint64_t refused_form = 0; ///< user name of the wrong form, nothing offered
    std::uint64_t busy = 0;
};

/// Whether a certificate with this common name may come as `client_id` (ref A.4): the same, or the same behind `d:` in
/// the client ID.
bool names_client(std::string_view common_name, std::string_view client_id) noexcept;

class authenticator {
  public:
    using callback = std::function<void(login_result)>;

    authenticator(auth::file_provider& provider, auth::credential_cache& cache, const core::clock& time)
        : provider_(provider), cache_(cache), clock_(time) {}

    /// `done` may be called before this returns (remembered credentials, certificates, plain mistakes).
    void login(std::optional<std::string_view> username, std::optional<std::string_view> password,
               const std::vector<std::string>& certificates, callback done);
    const login_counters& counters() const noexcept { return counters_; }

  private:
    void by_certificate(std::string_view tenant, const std::vector<std::string>& chain, const callback& done);
    void by_password(std::string_view tenant, std::string_view user, std::string_view password, callback done);
    login_result judged(core::result<auth::principal> answer);

    auth::file_provider& provider_;
    auth::credential_cache& cache_;
    const core::clock& clock_;
    login_counters counters_;
};

} // namespace broker::login
