// Certificates, keys and trust for TLS connections, shared by all of them; TLS 1.2 and 1.3. `reload` replaces what new
// connections use, running ones keep theirs. OpenSSL stays in the .cpp; making one sets SIGPIPE to ignored, because TLS
// writes to the descriptor itself.
#pragma once

#include "common/core/error.hpp"
#include "common/net/handshake_pacer.hpp"
#include "common/net/ticket_keys.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace net {

enum class tls_version : std::uint8_t { v1_2, v1_3 };

struct tls_key_pair {
    std::string certificate; ///< PEM file, leaf first, then intermediates
    std::string key;         ///< PEM file

    bool operator==(const tls_key_pair&) const = default;
};

struct tls_server_options {
    std::string certificate; ///< the first pair
    std::string key;
    /// Pairs of other kinds of key beside the first (P-256 and RSA): each client gets one it can check, the cheapest
    /// for us first. The same certificates are shown whatever name the client asks for.
    std::vector<tls_key_pair> more_certificates;
    tls_version min_version = tls_version::v1_2;
    std::string ciphers;      ///< of TLS 1.2, in OpenSSL's notation; empty: OpenSSL's choice
    std::string ciphersuites; ///< of TLS 1.3
    std::string curves;       ///< `X25519:P-256`; empty: OpenSSL's choice
    /// Asks for a certificate and keeps whatever chain comes; who uses it judges it (MQTT: at CONNECT, by tenant).
    bool ask_for_client_certificate = false;
    /// Empty: keys of its own, replaced every twelve hours.
    std::shared_ptr<ticket_keys> tickets;
    std::shared_ptr<handshake_pacer> pacer; ///< may be empty

    tls_server_options() = default;
};

struct tls_client_options {
    std::string ca_file;     ///< PEM; empty: the system's trust anchors
    std::string certificate; ///< empty: none shown
    std::string key;
    bool verify = true; ///< off in tests and load generators only

    tls_client_options() = default;
};

/// A certificate in use, for people and metrics.
struct tls_certificate_info {
    std::string file;
    std::int64_t expires_s = 0; ///< Unix seconds
};

class tls_context {
  public:
    /// Errors: `errc::bad_certificate_file`, `errc::bad_tls_setting`. The log says which file or setting and why;
    /// with `why_not` that sentence goes there instead.
    static core::result<std::shared_ptr<tls_context>> server(tls_server_options options,
                                                             std::string* why_not = nullptr);
    static core::result<std::shared_ptr<tls_context>> client(tls_client_options options);
    ~tls_context();
    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;

    /// Reads the files again; on failure everything stays as it was. Session tickets stay valid.
    core::result<void> reload(std::string* why_not = nullptr);
    /// The same with other files and settings; ticket keys and pacer stay those of the beginning.
    core::result<void> reload(tls_server_options options, std::string* why_not);

    bool is_server() const noexcept { return is_server_; }
    /// The server's, in the order of the options.
    const std::vector<tls_certificate_info>& certificates() const noexcept { return certificates_; }
    const std::shared_ptr<handshake_pacer>& pacer() const noexcept { return server_.pacer; }
    /// A new session for one connection; the caller owns it. Null when out of memory. For `tls_transport` only.
    ssl_st* new_session() const noexcept;

  private:
    struct free_context {
        void operator()(ssl_ctx_st* context) const noexcept;
    };
    using context_ptr = std::unique_ptr<ssl_ctx_st, free_context>;

    tls_context() = default;
    static core::result<context_ptr> make_server(const tls_server_options& from,
                                                 std::vector<tls_certificate_info>& into, std::string& why_not);
    core::result<context_ptr> make_client(std::string& why_not) const;

    bool is_server_ = false;
    tls_server_options server_;
    tls_client_options client_;
    std::vector<tls_certificate_info> certificates_;
    context_ptr context_;
};

} // namespace net
