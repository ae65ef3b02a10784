// Passwords with a throttle before them: every door at which somebody may offer one asks here, so that guessing is as
// slow at one as at the other. What is remembered as right passes at once; the rest is looked at, or refused unseen.
// Loop only.
#pragma once

#include "common/auth/credential_cache.hpp"
#include "common/auth/throttle.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace auth {

class login_guard {
  public:
    /// `cache` and `clock` outlive it; it outlives the answers it waits for.
    login_guard(credential_cache& cache, const core::clock& clock, throttle_limits limits = {})
        : cache_(cache), throttle_(clock, limits) {}
    login_guard(const login_guard&) = delete;
    login_guard& operator=(const login_guard&) = delete;

    /// `remote`: `address:port` of the caller. `done` is called once, perhaps before this returns. Errors: those of
    /// `provider::verify`, and `errc::throttled` (not looked at). Credentials that were right when last checked are not
    /// held up by what their neighbours behind one address do, nor by guesses at their user; and what they show again
    /// frees no guesses. Credentials that were wrong when last checked count for their user only: a device whose
    /// password has expired does not hold up those behind the same address.
    void verify(credentials with, std::string_view remote, verify_callback done);

    /// How long `errc::throttled` will go on for this user (`<tenant>/<user>`) from there: at least a second.
    std::chrono::seconds retry_after(std::string_view user, std::string_view remote);

    throttle& failures() noexcept { return throttle_; }
    const throttle& failures() const noexcept { return throttle_; }
    std::uint64_t throttled() const noexcept { return throttled_; }

  private:
    struct attempt {
        std::string user;
        std::string address;
        verify_callback done;
        bool was_good = false;
        bool was_wrong = false;
    };
    void refuse(const attempt& of);
    void finish(const attempt& of, const core::result<principal>& answer, bool counts);

    credential_cache& cache_;
    throttle throttle_;
    std::uint64_t throttled_ = 0;
};

} // namespace auth
