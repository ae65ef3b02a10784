// Distinct types for the texts that name things, so that a client ID never lands where a tenant is expected.
// Values; hashable; ordered; no validation here (each door validates by its own rules).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace core {

template <class Tag> struct text_id {
    std::string value;

    text_id() = default;
    explicit text_id(std::string text) : value(std::move(text)) {}
    explicit text_id(std::string_view text) : value(text) {}
    explicit text_id(const char* text) : value(text) {}
    bool empty() const noexcept { return value.empty(); }
    auto operator<=>(const text_id&) const = default;
};

using tenant_id = text_id<struct tenant_id_tag>;
using client_id = text_id<struct client_id_tag>;

} // namespace core

template <class Tag> struct std::hash<core::text_id<Tag>> {
    std::size_t operator()(const core::text_id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.value); }
};
