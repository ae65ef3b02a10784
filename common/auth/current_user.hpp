// The platform's answer to "who am I" (ref E.7), as a value.
#pragma once

#include "common/auth/error.hpp"
#include "common/auth/principal.hpp"

#include <string_view>

namespace auth {

/// More roles than any real user has; the rest of a longer list is left out.
inline constexpr std::size_t roles_max = 1000;

/// User name and effective roles from the body of `GET /user/currentUser`. Errors: bad_answer; wrong_credentials for a
/// user that is switched off.
core::result<principal> read_current_user(std::string_view json, const core::tenant_id& tenant);

/// Whether the platform can be asked about these at all: in `tenant/user:password` a colon in tenant or user would move
/// the border, so that a guesser of passwords decides whom he is taken for.
bool askable(const credentials& of) noexcept;

} // namespace auth
