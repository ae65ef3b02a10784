#include "common/auth/login_guard.hpp"

#include <algorithm>

namespace auth {

namespace {
/// Names are kept for the throttle, so they have a bound; nobody's is longer.
constexpr std::size_t user_bytes_max = 1024;
} // namespace

void login_guard::refuse(const attempt& of) {
    ++throttled_;
    of.done(errc::throttled);
}

void login_guard::verify(credentials with, std::string_view remote, verify_callback done) {
    const auto known = cache_.lookup(with);
    if (known && known->has_value()) return done(*known);
    attempt of{with.tenant.value + "/" + with.user, address_key(remote), std::move(done)};
    if (of.user.size() > user_bytes_max) of.user.resize(user_bytes_max);
    of.was_good = cache_.known_good(with);
    of.was_wrong = cache_.known_wrong(with);
    if (!of.was_good && (throttle_.user_waits(of.user) || throttle_.address_waits(of.address))) return refuse(of);
    if (known) return finish(of, *known, true);
    if (cache_.asking(with)) {
        // The same credentials again are the same guess: it counts once.
        cache_.verify(std::move(with),
                      [this, of = std::move(of)](const core::result<principal>& answer) { finish(of, answer, false); });
        return;
    }
    const bool counted = throttle_.begin(of.user, of.address);
    if (!counted && !of.was_good) return refuse(of);
    cache_.verify(std::move(with), [this, of = std::move(of), counted](const core::result<principal>& answer) {
        if (counted) throttle_.ended(of.user, of.address);
        finish(of, answer, true);
    });
}

void login_guard::finish(const attempt& of, const core::result<principal>& answer, bool counts) {
    if (answer && counts && !of.was_good) throttle_.succeeded(of.user);
    if (!answer && answer.error() == errc::wrong_credentials && counts)
        throttle_.failed(of.user, of.was_wrong ? std::string_view{} : std::string_view(of.address));
    of.done(answer);
}

std::chrono::seconds login_guard::retry_after(std::string_view user, std::string_view remote) {
    const auto wait =
        std::max(throttle_.user_wait(user.substr(0, user_bytes_max)), throttle_.address_wait(address_key(remote)));
    return std::max(std::chrono::ceil<std::chrono::seconds>(wait), std::chrono::seconds(1));
}

} // namespace auth
