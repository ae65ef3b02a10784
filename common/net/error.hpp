// What can go wrong in `net` beyond Asio's own codes. Never renumber: tests and logs show the values.
#pragma once

#include "common/core/error.hpp"

#include <type_traits>

namespace net {

enum class errc {
    timeout = 1,
    bad_url = 2,
    upgrade_refused = 3,
    message_too_large = 4,
    bad_response = 5,
    response_too_large = 6,
    queue_full = 7,
    stopped = 8,
    bad_certificate_file = 9,
    certificate_refused = 10,
    bad_address = 11,
    closed_by_peer = 12,
    bad_tls_setting = 13,
};

const core::enum_category& error_category() noexcept;

inline core::error_code make_error_code(errc value) noexcept { return {static_cast<int>(value), error_category()}; }

} // namespace net

template <> struct boost::system::is_error_code_enum<net::errc> : std::true_type {};
