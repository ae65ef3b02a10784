#include "broker/login/authenticator.hpp"

#include "common/core/log.hpp"

namespace broker::login {

using mqtt::reason_code;

bool names_client(std::string_view common_name, std::string_view client_id) noexcept {
    constexpr std::string_view prefix = "d:";
    return common_name == client_id ||
           (client_id.starts_with(prefix) && common_name == client_id.substr(prefix.size()));
}

/// Names are kept for the throttle, so they have a bound.
constexpr std::size_t user_name_bytes_max = 1024;

authenticator::authenticator(auth::credential_cache& cache, auth::trust_source* trust, rules_source rules,
                             const core::clock& clock, auth::throttle_limits limits)
    : passwords_(cache, clock, limits), trust_(trust), rules_(std::move(rules)), known_leaves_(limits.remembered_max) {}

void authenticator::login(const login_attempt& attempt, callback done) {
    const auto name = attempt.username.value_or(std::string_view{});
    if (name.size() > user_name_bytes_max)
        return done(refuse(counters_.refused_form, reason_code::not_authorized, "the user name is too long"));
    const auto slash = name.find('/');
    if (slash != std::string_view::npos && attempt.password)
        by_password(name.substr(0, slash), name.substr(slash + 1), attempt, std::move(done));
    else if (attempt.certificates != nullptr && !attempt.certificates->empty())
        by_certificate(name.substr(0, slash), attempt, std::move(done));
    else
        done(refuse(counters_.refused_form, reason_code::not_authorized,
                    slash == std::string_view::npos
                        ? "the user name must be <tenantID>/<user>, or <tenantID> with a client certificate"
                        : "a password is needed"));
}

login_result authenticator::refuse(std::uint64_t& counter, reason_code reason, std::string_view text) {
    ++counter;
    login_result refused;
    refused.reason = reason;
    refused.text = text;
    return refused;
}

/// Nobody could say whether the login is right.
login_result authenticator::not_decided(const core::error_code& why) {
    if (why == auth::errc::unavailable)
        return refuse(counters_.unavailable, reason_code::server_unavailable,
                      "the login cannot be checked now; try again");
    return refuse(counters_.busy, reason_code::server_busy, "too many logins at the moment; try again");
}

void authenticator::by_password(std::string_view tenant, std::string_view user, const login_attempt& attempt,
                                callback done) {
    // Before the password is looked at: where certificates are asked for, passwords cannot be guessed.
    if (!rules_(tenant).basic_authentication)
        return done(
            refuse(counters_.refused_basic, reason_code::not_authorized, "this tenant allows certificates only"));
    auth::credentials with{core::tenant_id(tenant), std::string(user), std::string(*attempt.password)};
    passwords_.verify(
        std::move(with), attempt.address,
        [this, done = std::move(done)](const core::result<auth::principal>& answer) { finish_password(done, answer); });
}

void authenticator::finish_password(const callback& done, const core::result<auth::principal>& answer) {
    if (answer) {
        ++counters_.accepted_password;
        login_result accepted;
        accepted.who = {answer->tenant.value, answer->user, record::authentication::basic, nullptr};
        return done(std::move(accepted));
    }
    if (answer.error() == auth::errc::throttled) return done(throttled());
    if (answer.error() != auth::errc::wrong_credentials) return done(not_decided(answer.error()));
    done(
        refuse(counters_.refused_credentials, reason_code::bad_username_or_password, "wrong tenant, user or password"));
}

login_result authenticator::throttled() {
    return refuse(counters_.throttled, reason_code::connection_rate_exceeded,
                  "too many failed logins; try again later");
}

/// Fingerprint of the leaf; empty when it is no certificate.
std::string leaf_of(const std::vector<std::string>& chain) {
    const auto leaf = auth::certificate::from_der(chain.front());
    return leaf ? leaf->fingerprint() : std::string();
}

void authenticator::by_certificate(std::string_view tenant, const login_attempt& attempt, callback done) {
    if (trust_ == nullptr)
        return done(refuse(counters_.refused_certificate, reason_code::not_authorized,
                           "client certificates are not accepted here"));
    auto& failures = passwords_.failures();
    caller to{leaf_of(*attempt.certificates), auth::address_key(attempt.address), std::move(done)};
    // A device whose certificate is not accepted any more is held up by itself, not those behind the same address.
    const bool known = !to.leaf.empty() && known_leaves_.find(to.leaf) != nullptr;
    if ((!to.leaf.empty() && failures.user_waits(to.leaf)) || (!known && failures.address_waits(to.address)))
        return to.done(throttled());
    trust_->judge(core::tenant_id(tenant), *attempt.certificates,
                  [this, to = std::move(to), tenant = std::string(tenant),
                   client_id = std::string(attempt.client_id)](core::result<auth::judged_chain> answer) {
                      if (!answer)
                          core::log::info(
                              "certificate refused",
                              {{"tenant", tenant}, {"client", client_id}, {"why", answer.error().message()}});
                      finish_certificate(to, client_id, std::move(answer));
                  });
}

void authenticator::finish_certificate(const caller& to, std::string_view client_id,
                                       core::result<auth::judged_chain> answer) {
    if (!answer) {
        if (answer.error() == auth::errc::unavailable || answer.error() == auth::errc::busy)
            return to.done(not_decided(answer.error()));
        auto& failures = passwords_.failures();
        const bool again = !to.leaf.empty() && failures.has_failed(to.leaf);
        failures.failed(to.leaf, again ? std::string_view{} : std::string_view(to.address));
        return to.done(refuse(counters_.refused_certificate, reason_code::not_authorized,
                              "the certificate is not accepted for this tenant"));
    }
    (void)known_leaves_.use(answer->device.leaf_fingerprint); // to be there is all
    passwords_.failures().succeeded(to.leaf);
    if (rules_(answer->tenant.value).certificate_names_client && !names_client(answer->device.common_name, client_id))
        return to.done(refuse(counters_.refused_name, reason_code::not_authorized,
                              "the certificate's common name is not the client ID"));
    ++counters_.accepted_certificate;
    login_result accepted;
    accepted.who.tenant = answer->tenant.value;
    accepted.who.user = answer->device.common_name;
    accepted.who.method = record::authentication::x509;
    accepted.who.device = std::make_shared<const auth::device_identity>(std::move(answer->device));
    to.done(std::move(accepted));
}

} // namespace broker::login
