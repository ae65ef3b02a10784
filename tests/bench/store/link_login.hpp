// How the generators log in to messaging's link, and numbers on their command lines.
#pragma once

#include "common/auth/link_token.hpp"
#include "common/link/link_client.hpp"
#include "tests/bench/store/target.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string>
#include <string_view>

namespace bench::store {

/// As a broker of all tenants. Throws problem when the secret cannot be read.
inline msg_link::link_options link_options_for(std::uint16_t port, const std::string& secret_file) {
    const auto secret = auth::link_secret::load(secret_file);
    if (!secret) throw problem(secret_file + ": " + secret.error().message());
    auth::link_claims claims;
    claims.role = auth::link_role::broker;
    claims.tenants = {"*"};
    msg_link::link_options made;
    made.url = fmt::format("ws://127.0.0.1:{}", port);
    made.token = *auth::mint_link_token(claims, *secret);
    return made;
}

template <class Number> void read_number(std::string_view text, Number& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    if (error != std::errc{} || end != text.data() + text.size()) throw problem("not a number: " + std::string(text));
}

} // namespace bench::store
