#include "common/net/url.hpp"

#include "common/net/error.hpp"
#include "common/net/http.hpp"

#include <charconv>

namespace net {

namespace {

std::uint16_t default_port(std::string_view scheme) noexcept {
    if (scheme == "http" || scheme == "ws") return 80;
    if (scheme == "https" || scheme == "wss") return 443;
    return 0;
}

bool parse_port(std::string_view text, std::uint16_t& into) noexcept {
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, into);
    return error == std::errc() && stopped == end && into != 0;
}

bool parse_authority(std::string_view text, url& into) {
    std::string_view port;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == text.npos) return false;
        into.host = text.substr(1, close - 1);
        port = text.substr(close + 1);
    } else {
        const auto colon = text.find(':');
        into.host = text.substr(0, colon);
        port = colon == text.npos ? std::string_view() : text.substr(colon);
    }
    if (into.host.empty()) return false;
    if (port.empty()) return true;
    return port.front() == ':' && parse_port(port.substr(1), into.port);
}

bool printable(std::string_view text) noexcept {
    for (const unsigned char c : text)
        if (c <= ' ' || c == 0x7f) return false;
    return true;
}

} // namespace

std::string url::authority() const {
    std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != default_port(scheme)) text += ":" + std::to_string(port);
    return text;
}

core::result<url> parse_url(std::string_view text) {
    const auto bad = make_error_code(errc::bad_url);
    const auto mark = text.find("://");
    if (mark == text.npos || !printable(text)) return bad;
    url made;
    for (const std::string_view known : {"http", "https", "ws", "wss"})
        if (equal_nocase(text.substr(0, mark), known)) made.scheme = known;
    if (made.scheme.empty()) return bad;
    made.port = default_port(made.scheme);
    text.remove_prefix(mark + 3);
    text = text.substr(0, text.find('#'));
    const auto path = text.find_first_of("/?");
    const std::string_view authority = text.substr(0, path);
    if (authority.find('@') != authority.npos || !parse_authority(authority, made)) return bad;
    if (path != text.npos)
        made.target = text[path] == '?' ? "/" + std::string(text.substr(path)) : std::string(text.substr(path));
    return made;
}

} // namespace net
