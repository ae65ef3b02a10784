// Who is calling, by what CONNECT and the TLS handshake offered (ref A.4): `<tenant>/<user>` with a password, or
// `<tenant>` with a client certificate whose chain that tenant trusts. Loop only; hashing and asking happen elsewhere.
#pragma once

#include "broker/mqtt/reason_code.hpp"
#include "common/auth/login_guard.hpp"
#include "common/auth/recent_table.hpp"
#include "common/auth/trust_source.hpp"
#include "common/core/clock.hpp"
#include "common/record/record.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace broker::login {

/// What the client offers. Views of what the caller keeps during the call.
struct login_attempt {
    std::optional<std::string_view> username;
    std::optional<std::string_view> password;
    std::string_view client_id;
    std::string_view address;                               ///< `address:port` of the peer
    const std::vector<std::string>* certificates = nullptr; ///< DER, leaf first; may be null
};

/// What a tenant's settings say about logins.
struct tenant_rules {
    bool basic_authentication = true;
    bool certificate_names_client = false; ///< the common name must be the client ID
};
using rules_source = std::function<tenant_rules(std::string_view tenant)>;

struct identity {
    std::string tenant;
    std::string user; ///< or the certificate's common name
    record::authentication method = record::authentication::basic;
    std::shared_ptr<const auth::device_identity>
        device; ///< with a certificate: what a withdrawal of trust is held against
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
    std::uint64_t refused_name = 0;  ///< the certificate's common name is not the client ID
    std::uint64_t refused_basic = 0; ///< the tenant allows certificates only
    std::uint64_t refused_form = 0;  ///< user name of the wrong form, nothing offered
    std::uint64_t throttled = 0;     ///< not looked at, after too many failures
    std::uint64_t busy = 0;          ///< too many logins at a time
    std::uint64_t unavailable = 0;   ///< the platform cannot be asked
};

/// Whether a certificate with this common name may come as `client_id` (ref A.4): the same, or the same behind `d:` in
/// the client ID.
bool names_client(std::string_view common_name, std::string_view client_id) noexcept;

class authenticator {
  public:
    using callback = std::function<void(login_result)>;

    /// What it is given outlives it. Without `trust` no certificate is accepted.
    authenticator(auth::credential_cache& cache, auth::trust_source* trust, rules_source rules,
                  const core::clock& clock, auth::throttle_limits limits = {});

    /// `done` is called once, perhaps before this returns (remembered credentials, most certificates, plain mistakes).
    /// An attempt that must wait (auth/throttle.hpp) gets 0x9F, in 3.x return code 5. Certificates that
    /// were accepted before are not held up by what their neighbours behind one address do, nor are passwords that were
    /// right when last checked (auth/login_guard.hpp).
    void login(const login_attempt& attempt, callback done);

    const login_counters& counters() const noexcept { return counters_; }
    /// For the other doors of the process: a guess there is one here.
    auth::login_guard& passwords() noexcept { return passwords_; }
    const auth::throttle& failures() const noexcept { return passwords_.failures(); }

  private:
    struct caller {
        std::string leaf; ///< its fingerprint; failures count for it as for a user
        std::string address;
        callback done;
    };

    void by_password(std::string_view tenant, std::string_view user, const login_attempt& attempt, callback done);
    void by_certificate(std::string_view tenant, const login_attempt& attempt, callback done);
    void finish_password(const callback& done, const core::result<auth::principal>& answer);
    void finish_certificate(const caller& to, std::string_view client_id, core::result<auth::judged_chain> answer);
    login_result refuse(std::uint64_t& counter, mqtt::reason_code reason, std::string_view text);
    login_result throttled();
    login_result not_decided(const core::error_code& why);

    auth::login_guard passwords_;
    auth::trust_source* trust_;
    rules_source rules_;
    auth::recent_table<bool> known_leaves_; ///< fingerprints of certificates that were accepted
    login_counters counters_;
};

} // namespace broker::login
