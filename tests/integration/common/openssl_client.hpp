// A TLS client by OpenSSL alone, blocking, for what our own client never offers: one signature algorithm, one version,
// any server name, a ticket kept over connections. Runs on a thread beside the test's loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

struct ssl_session_st;

namespace fixture {

struct openssl_offer {
    std::string server_name;          ///< SNI; empty: none
    std::string signature_algorithms; ///< empty: OpenSSL's
    std::string ciphers;              ///< of TLS 1.2
    int max_version = 0;              ///< 0: the newest
    bool device_certificate = false;
    std::shared_ptr<ssl_session_st> session; ///< ticket of an earlier connection

    openssl_offer() = default;
};

struct openssl_outcome {
    bool connected = false;
    std::string version;
    std::string cipher;
    std::string server_common_name;
    bool resumed = false;
    std::string echo;                        ///< what came back for "ping."
    std::shared_ptr<ssl_session_st> session; ///< with its ticket
};

/// Connects to 127.0.0.1, sends "ping.", reads until ".", closes. Blocks.
openssl_outcome openssl_connect(std::uint16_t port, openssl_offer with);

} // namespace fixture
