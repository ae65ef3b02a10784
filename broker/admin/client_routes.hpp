// Clients and tenants of this process over the ops port, for who the gatekeeper lets in.
//   GET    /clients?tenant=&client=&limit=&after=   {"clients":[…],"next":"<tenant>/<client ID>"}; `next`: there is
//   more DELETE /clients/<tenant>/<client ID>            204; the client gets 0x98 (5.0), its will is published GET
//   /tenants                                 {"tenants":[…]}: connections and the settings in force
// Errors have the platform's form (ref D.1).
#pragma once

#include "broker/admin/gatekeeper.hpp"
#include "broker/edge/client_directory.hpp"
#include "broker/tenant/tenant_registry.hpp"
#include "common/net/http.hpp"

#include <boost/asio/awaitable.hpp>

namespace broker::admin {

class client_routes {
  public:
    static constexpr std::size_t limit_default = 100;
    static constexpr std::size_t limit_max = 1000;

    /// All outlive it.
    client_routes(edge::client_directory& clients, tenant::tenant_registry& tenants, gatekeeper& gate)
        : clients_(clients), tenants_(tenants), gate_(gate) {}

    /// Whether the path is one of ours.
    static bool takes(const net::http_request& request) noexcept;
    asio::awaitable<net::http_response> answer(net::http_request request);

  private:
    net::http_response list(const access& who, const net::http_request& request);
    net::http_response disconnect(const access& who, std::string_view tenant, std::string_view client_id);
    net::http_response list_tenants(const access& who);

    edge::client_directory& clients_;
    tenant::tenant_registry& tenants_;
    gatekeeper& gate_;
};

} // namespace broker::admin
