#include "common/net/error.hpp"

namespace net {

namespace {

std::string_view describe(int value) {
    switch (static_cast<errc>(value)) {
    case errc::timeout: return "the peer did not answer in time";
    case errc::bad_url: return "the URL is not of the form scheme://host[:port][/path]";
    case errc::upgrade_refused: return "the server refused the WebSocket upgrade";
    case errc::message_too_large: return "the message is larger than agreed";
    case errc::bad_response: return "the server's answer is not valid HTTP";
    case errc::response_too_large: return "the server's answer is larger than allowed";
    case errc::queue_full: return "too many requests wait for a connection";
    case errc::stopped: return "stopped";
    case errc::bad_certificate_file: return "a certificate or key file cannot be used";
    case errc::certificate_refused: return "the server's certificate is not trusted for this host";
    case errc::bad_address: return "the address to listen on is not an IP address";
    case errc::bad_tls_setting: return "a TLS version, cipher or curve cannot be used";
    case errc::closed_by_peer: return "the peer closed the WebSocket";
    }
    return "unknown network error";
}

constexpr core::enum_category category("net", describe);

} // namespace

const core::enum_category& error_category() noexcept { return category; }

} // namespace net
