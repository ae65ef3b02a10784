#include "common/net/http.hpp"

#include "common/core/json_writer.hpp"
#include "common/net/encoding.hpp"

#include <algorithm>

namespace net {

namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool parse_query(std::string_view text, http_request& into) {
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        auto name = percent_decode(pair.substr(0, equals), true);
        auto value = percent_decode(equals == pair.npos ? std::string_view() : pair.substr(equals + 1), true);
        if (!name || !value) return false;
        into.query.emplace_back(std::move(*name), std::move(*value));
    }
    return true;
}

} // namespace

bool equal_nocase(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view http_headers::get(std::string_view name) const noexcept {
    for (const auto& [key, value] : entries_)
        if (equal_nocase(key, name)) return value;
    return {};
}

bool http_headers::has(std::string_view name) const noexcept {
    return std::any_of(entries_.begin(), entries_.end(), [&](const entry& e) { return equal_nocase(e.first, name); });
}

void http_headers::add(std::string name, std::string value) {
    entries_.emplace_back(std::move(name), std::move(value));
}

void http_headers::set(std::string name, std::string value) {
    std::erase_if(entries_, [&](const entry& e) { return equal_nocase(e.first, name); });
    add(std::move(name), std::move(value));
}

std::string_view http_request::parameter(std::string_view name) const noexcept {
    for (const auto& [key, value] : query)
        if (key == name) return value;
    return {};
}

bool http_request::has_parameter(std::string_view name) const noexcept {
    return std::any_of(query.begin(), query.end(), [&](const auto& e) { return e.first == name; });
}

bool parse_target(std::string_view target, http_request& into) {
    into.target = target;
    // RFC 9112 §3.2.2: a server takes the absolute form too.
    if (const auto scheme = target.find("://"); scheme != target.npos && !target.starts_with('/')) {
        const auto path = target.find('/', scheme + 3);
        target = path == target.npos ? std::string_view("/") : target.substr(path);
    }
    if (!target.starts_with('/') && target != "*") return false;
    const auto mark = target.find('?');
    auto path = percent_decode(target.substr(0, mark));
    if (!path || path->find('\0') != std::string::npos) return false;
    into.path = std::move(*path);
    into.query.clear();
    return mark == target.npos || parse_query(target.substr(mark + 1), into);
}

http_response error_response(unsigned status, std::string_view error, std::string_view message) {
    core::json_writer body;
    body.object().member("error", error).member("message", message).end();
    return json_response(status, std::move(body).text());
}

http_response json_response(unsigned status, std::string body) {
    return http_response(status, "application/json", std::move(body));
}

std::string_view reason_phrase(unsigned status) noexcept {
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
    }
}

} // namespace net
