#include "tests/platform/routes/multipart.hpp"

#include "tests/platform/model/text.hpp"

namespace platform_sim::routes {

namespace {

/// `name` of `…; name="value"; other=value`; empty when it is absent.
std::string_view header_parameter(std::string_view header, std::string_view name) {
    for (auto item : model::split(header, ';')) {
        while (item.starts_with(' ')) item.remove_prefix(1);
        if (item.size() <= name.size() || item[name.size()] != '=' ||
            !net::equal_nocase(item.substr(0, name.size()), name))
            continue;
        item.remove_prefix(name.size() + 1);
        if (item.size() >= 2 && item.front() == '"' && item.back() == '"') return item.substr(1, item.size() - 2);
        return item;
    }
    return {};
}

std::string_view part_name(std::string_view headers) {
    constexpr std::string_view wanted = "content-disposition:";
    for (auto line : model::split(headers, '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.size() > wanted.size() && net::equal_nocase(line.substr(0, wanted.size()), wanted))
            return header_parameter(line.substr(wanted.size()), "name");
    }
    return {};
}

} // namespace

bool is_multipart(const net::http_request& request) {
    constexpr std::string_view type = "multipart/form-data";
    return net::equal_nocase(request.headers.get("Content-Type").substr(0, type.size()), type);
}

std::optional<std::vector<form_part>> read_multipart(const net::http_request& request) {
    const auto boundary = header_parameter(request.headers.get("Content-Type"), "boundary");
    if (boundary.empty()) return std::nullopt;
    const std::string first = "--" + std::string(boundary);
    const std::string next = "\r\n" + first;
    std::string_view rest = request.body;
    if (!rest.starts_with(first)) return std::nullopt;
    rest.remove_prefix(first.size());
    std::vector<form_part> parts;
    while (rest.starts_with("\r\n")) {
        const auto end = rest.find(next);
        if (end == std::string_view::npos) return std::nullopt;
        const auto part = rest.substr(0, end);
        const auto blank = part.find("\r\n\r\n");
        if (blank == std::string_view::npos) return std::nullopt;
        const auto name = part_name(part.substr(2, blank));
        if (name.empty()) return std::nullopt;
        parts.push_back({std::string(name), part.substr(blank + 4)});
        rest.remove_prefix(end + next.size());
    }
    if (!rest.starts_with("--")) return std::nullopt;
    return parts;
}

const form_part* find_part(const std::vector<form_part>& parts, std::string_view name) {
    for (const auto& one : parts)
        if (one.name == name) return &one;
    return nullptr;
}

} // namespace platform_sim::routes
