// Whoever can tell whether credentials are right: a file, the platform, or a cache before one of them.
#pragma once

#include "common/auth/error.hpp"
#include "common/auth/principal.hpp"

#include <functional>

namespace auth {

using verify_callback = std::function<void(core::result<principal>)>;

/// Runs a function later on the thread of the owner's event loop. Must be callable from any thread; a provider takes
/// one because it answers from its worker (`[&io](auto f) { asio::post(io, std::move(f)); }`).
using post_function = std::function<void(std::function<void()>)>;

class provider {
  public:
    virtual ~provider() = default;
    /// Called on the loop's thread; `done` is called there exactly once, never before verify returned. Errors:
    /// wrong_credentials (unknown tenant, unknown user, wrong password: not told apart), busy, and those of the
    /// provider. A provider destroyed meanwhile drops the call.
    virtual void verify(credentials with, verify_callback done) = 0;
};

} // namespace auth
