#include "broker/login/authenticator.hpp"

#include "common/core/log.hpp"

namespace broker::login {

using mqtt::reason_code;

bool names_client(std::string_view common_name, std::string_view client_id) noexcept {
    constexpr std::string_view prefix = "d:";
    return common_name == client_id ||
           (client_id.starts_with(prefix) && common_name == client_id.substr(prefix.size()));
}

void authenticator::login(std::optional<std::string_view> username, std::optional<std::string_view> password,
                          const std::vector<std::string>& certificates, callback done) {
    const auto name = username.value_or(std::string_view{});
    const auto slash = name.find('/');
    if (slash != std::string_view::npos && password) {
        by_password(name.substr(0, slash), name.substr(slash + 1), *password, std::move(done));
        return;
    }
    if (!certificates.empty()) {
        by_certificate(name.substr(0, slash), certificates, done);
        return;
    }
    ++counters_.refused_form;
    login_result refused;
    refused.reason = reason_code::not_authorized;
    refused.text = slash == std::string_view::npos
                       ? "the user name must be <tenantID>/<user>, or <tenantID> with a client certificate"
                       : "a password is needed";
    done(std::move(refused));
}

void authenticator::by_certificate(std::string_view tenant_name, const std::vector<std::string>& chain,
                                   const callback& done) {
    const auto directory = provider_.directory();
    login_result result;
    auto tenant = core::tenant_id(tenant_name);
    core::error_code why;
    if (tenant.empty()) {
        if (auto found = directory->trust.tenant_of(chain))
            tenant = std::move(*found);
        else
            why = found.error();
    }
    if (!why) {
        const auto judged = directory->trust.verify_chain(tenant, chain, clock_.wall_ms() / 1000);
        if (judged) {
            ++counters_.accepted_certificate;
            result.who = {tenant.value, judged->common_name, record::authentication::x509};
            done(std::move(result));
            return;
        }
        why = judged.error();
    }
    ++counters_.refused_certificate;
    core::log::info("certificate refused", {{"tenant", tenant.value}, {"why", why.message()}});
    result.reason = reason_code::not_authorized;
    result.text = "the certificate is not accepted for this tenant";
    done(std::move(result));
}

login_result authenticator::judged(core::result<auth::principal> answer) {
    login_result result;
    if (answer) {
        ++counters_.accepted_password;
        result.who = {answer->tenant.value, answer->user, record::authentication::basic};
        return result;
    }
    if (answer.error() == auth::errc::wrong_credentials) {
        ++counters_.refused_credentials;
        result.reason = reason_code::bad_username_or_password;
        result.text = "wrong tenant, user or password";
    } else {
        ++counters_.busy;
        result.reason = reason_code::server_busy;
        result.text = "too many logins at the moment; try again";
    }
    return result;
}

void authenticator::by_password(std::string_view tenant, std::string_view user, std::string_view password,
                                callback done) {
    auth::credentials with{core::tenant_id(tenant), std::string(user), std::string(password)};
    if (auto known = cache_.lookup(with)) {
        done(judged(std::move(*known)));
        return;
    }
    cache_.verify(std::move(with), [this, done = std::move(done)](core::result<auth::principal> answer) {
        done(judged(std::move(answer)));
    });
}

} // namespace broker::login
