// The clients of this process as an operator sees them: what the ops port lists and ends. Implemented by the listener.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace broker::edge {

struct client_info {
    std::string tenant;
    std::string client_id;
    std::string user;
    std::string_view method;   ///< `basic`, `x509`
    std::string_view version;  ///< `3.1`, `3.1.1`, `5.0`
    std::string_view security; ///< `TLSv1.3`; empty: plain
    std::string address;
    std::int64_t connected_at_ms = 0; ///< Unix time
    std::uint32_t keep_alive_s = 0;   ///< 0: none
    std::size_t subscriptions = 0;
    std::size_t publishes_in_flight = 0;  ///< of the client, without PUBACK
    std::size_t deliveries_in_flight = 0; ///< to the client, without its PUBACK
    std::size_t outbox_bytes = 0;         ///< written by us, not taken by its socket
};

struct client_query {
    std::string tenant;       ///< empty: all
    std::string client_id;    ///< empty: all
    std::string after_tenant; ///< only what follows this tenant and client ID in the order of both
    std::string after_client_id;
    std::size_t limit = 100;
};

struct client_page {
    std::vector<client_info> clients; ///< ascending by tenant and client ID
    bool more = false;                ///< there are others behind the last
};

class client_directory {
  public:
    virtual ~client_directory() = default;
    virtual client_page list(const client_query& which) const = 0;
    /// Ends the client's connection (5.0: 0x98); its will is published. False: no such client here.
    virtual bool disconnect(std::string_view tenant, std::string_view client_id) = 0;

  protected:
    client_directory() = default;
    client_directory(const client_directory&) = default;
    client_directory& operator=(const client_directory&) = default;
};

} // namespace broker::edge
