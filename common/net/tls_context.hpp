// Certificates, keys and trust for TLS connections, shared by all of them; TLS 1.2 and 1.3. `reload` replaces what new
// connections use, running ones keep theirs. OpenSSL stays in the .cpp; making one sets SIGPIPE to ignored, because TLS
// writes to the descriptor itself.
#pragma once

#include "common/core/error.hpp"

#include <memory>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace net {

struct tls_server_options {
    std::string certificate; ///< PEM file, leaf first, then intermediates
    std::string key;         ///< PEM file
    /// Asks for a certificate and keeps whatever chain comes; who uses it judges it (MQTT: at CONNECT, by tenant).
    bool ask_for_client_certificate = false;

    tls_server_options() = default;
};

struct tls_client_options {
    std::string ca_file;     ///< PEM; empty: the system's trust anchors
    std::string certificate; ///< empty: none shown
    std::string key;
    bool verify = true; ///< off in tests and load generators only

    tls_client_options() = default;
};

class tls_context {
  public:
    /// Errors: `errc::bad_certificate_file`; the log says which file and why.
    static core::result<std::shared_ptr<tls_context>> server(tls_server_options options);
    static core::result<std::shared_ptr<tls_context>> client(tls_client_options options);
    ~tls_context();
    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;

    /// Reads the files again; on failure everything stays as it was.
    core::result<void> reload();

    bool is_server() const noexcept { return is_server_; }
    /// A new session for one connection; the caller owns it. Null when out of memory. For `tls_transport` only.
    ssl_st* new_session() const noexcept;

  private:
    struct free_context {
        void operator()(ssl_ctx_st* context) const noexcept;
    };
    using context_ptr = std::unique_ptr<ssl_ctx_st, free_context>;

    tls_context() = default;
    core::result<context_ptr> make_server() const;
    core::result<context_ptr> make_client() const;

    bool is_server_ = false;
    tls_server_options server_;
    tls_client_options client_;
    context_ptr context_;
};

} // namespace net
