// The routes of management: one table, from which requests are answered and against which openapi.json is tested.
#pragma once

#include "messaging/admin/context.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace messaging::admin {

inline constexpr std::string_view base_path = "/management";

struct route_entry {
    std::string_view method;
    std::string_view pattern; ///< behind `base_path`; `{…}` stands for one segment
    need asks = need::view;
    handler run = nullptr;
};

std::span<const route_entry> route_table() noexcept;

struct route_match {
    const route_entry* entry = nullptr;
    std::vector<std::string> parts; ///< decoded segments at the pattern's `{…}`
    std::string allowed;            ///< methods of the path, where `entry` is null; empty: no such path
};

/// `target` as sent: segments are split before they are decoded, because names of topics hold slashes.
route_match match_route(std::string_view method, std::string_view target);

/// A whole request: route, login, roles, answer.
asio::awaitable<net::http_response> answer_management(management_context& context, net::http_request request);

/// The OpenAPI 3.1 document.
std::string_view openapi_document() noexcept;

} // namespace messaging::admin
