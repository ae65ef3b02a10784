#include "broker/admin/client_routes.hpp"
#include "tests/unit/broker/admin/admin_fixture.hpp"

using admin_fixture::door;
namespace edge = broker::edge;

namespace {

class known_clients final : public edge::client_directory {
  public:
    mutable edge::client_query asked;
    edge::client_page page;
    std::vector<std::string> ended;

    edge::client_page list(const edge::client_query& which) const override {
        asked = which;
        return page;
    }
    bool disconnect(std::string_view tenant, std::string_view client_id) override {
        if (client_id == "nobody") return false;
        ended.push_back(std::string(tenant) + " " + std::string(client_id));
        return true;
    }
};

struct routes : door {
    known_clients clients;
    broker::tenant::tenant_registry tenants{{}, [](std::string_view) { return nullptr; }};
    broker::admin::client_routes under_test{clients, tenants, gate};

    net::http_response ask(const std::string& method, const std::string& target, const std::string& authorization) {
        const auto made = request(method, target, authorization);
        CHECK(under_test.takes(made));
        return run(under_test.answer(made));
    }
};

const std::string admin1 = door::basic("t1/admin:right");

edge::client_info some_client() {
    edge::client_info one;
    one.tenant = "t1";
    one.client_id = "a\"b";
    one.user = "device";
    one.method = "basic";
    one.version = "5.0";
    one.address = "127.0.0.1:5";
    one.connected_at_ms = 1'767'225'600'000;
    one.keep_alive_s = 60;
    one.subscriptions = 2;
    one.publishes_in_flight = 3;
    one.deliveries_in_flight = 4;
    one.outbox_bytes = 5;
    return one;
}

} // namespace

TEST_CASE("client routes: a client with all its fields; next only when there is more", "[admin]") {
    routes at;
    at.clients.page.clients.push_back(some_client());
    const auto all = at.ask("GET", "/clients", door::bearer());
    CHECK(all.status == 200);
    CHECK(all.body ==
          R"({"clients":[{"tenant":"t1","clientId":"a\"b","user":"device","method":"basic","version":"5.0",)"
          R"("tls":null,"address":"127.0.0.1:5","connectedSince":"2026-01-01T00:00:00.000Z","keepAlive":60,)"
          R"("subscriptions":2,"publishesInFlight":3,"deliveriesInFlight":4,"outboxBytes":5}]})");
    at.clients.page.more = true;
    at.clients.page.clients[0].security = "TLSv1.3";
    const auto part = at.ask("GET", "/clients", door::bearer());
    CHECK_THAT(part.body, Catch::Contains(R"("tls":"TLSv1.3")"));
    CHECK_THAT(part.body, Catch::EndsWith(R"("next":"t1/a\"b"})"));
}

TEST_CASE("client routes: the query, and whose clients it may ask for", "[admin]") {
    routes at;
    (void)at.ask("GET", "/clients?tenant=t2&client=c%2F1&limit=7&after=t2/b/c", door::bearer());
    CHECK(at.clients.asked.tenant == "t2");
    CHECK(at.clients.asked.client_id == "c/1");
    CHECK(at.clients.asked.limit == 7);
    CHECK(at.clients.asked.after_tenant == "t2");
    CHECK(at.clients.asked.after_client_id == "b/c");
    (void)at.ask("GET", "/clients", door::bearer());
    CHECK(at.clients.asked.tenant.empty());
    CHECK(at.clients.asked.limit == 100);
    (void)at.ask("GET", "/clients", admin1);
    CHECK(at.clients.asked.tenant == "t1");
    (void)at.ask("GET", "/clients?after=t2/x", admin1);
    CHECK(at.clients.asked.tenant == "t1");
    CHECK(at.ask("GET", "/clients?tenant=t1", admin1).status == 200);
    CHECK(at.ask("GET", "/clients?tenant=t2", admin1).status == 403);
    CHECK(at.ask("GET", "/clients", "").status == 401);
    for (const char* bad : {"limit=0", "limit=1001", "limit=x", "limit=5x", "limit=", "after=t1"}) {
        INFO(bad);
        const auto refused = at.ask("GET", std::string("/clients?") + bad, door::bearer());
        CHECK(refused.status == 422);
        CHECK_THAT(refused.body, Catch::StartsWith(R"({"error":"undefined/validationError","message":")"));
    }
}

TEST_CASE("client routes: ending a client", "[admin]") {
    routes at;
    CHECK(at.ask("DELETE", "/clients/t1/c1", admin1).status == 204);
    CHECK(at.ask("DELETE", "/clients/t1/a%2Fb%20c", admin1).status == 204);
    CHECK(at.ask("DELETE", "/clients/t2/c1", admin1).status == 403);
    CHECK(at.ask("DELETE", "/clients/t2/c2", door::bearer()).status == 204);
    CHECK(at.ask("DELETE", "/clients/t1/nobody", admin1).status == 404);
    CHECK(at.ask("DELETE", "/clients/t1/c1", "").status == 401);
    CHECK(at.ask("DELETE", "/clients/t1", admin1).status == 404);
    CHECK(at.ask("DELETE", "/clients/t1/", admin1).status == 404);
    CHECK(at.ask("DELETE", "/clients//c", door::bearer()).status == 404);
    CHECK(at.clients.ended == std::vector<std::string>{"t1 c1", "t1 a/b c", "t2 c2"});
}

TEST_CASE("client routes: methods and paths", "[admin]") {
    routes at;
    for (const auto& [method, path] :
         {std::pair("POST", "/clients"), std::pair("DELETE", "/tenants"), std::pair("GET", "/clients/t1/c1")}) {
        const auto refused = at.ask(method, path, door::bearer());
        CHECK(refused.status == 405);
        CHECK_FALSE(refused.headers.get("Allow").empty());
    }
    using broker::admin::client_routes;
    CHECK_FALSE(client_routes::takes(door::request("GET", "/clientsx")));
    CHECK_FALSE(client_routes::takes(door::request("GET", "/health")));
    CHECK_FALSE(client_routes::takes(door::request("GET", "/")));
}

TEST_CASE("client routes: tenants with connections and settings in force", "[admin]") {
    routes at;
    const auto one = at.tenants.find_or_make("t2");
    CHECK(one->admit("c2", {}) == broker::session::cause::none);
    const auto own = at.ask("GET", "/tenants", admin1);
    CHECK(own.status == 200);
    CHECK_THAT(own.body, Catch::StartsWith(R"({"tenants":[{"tenant":"t1","connections":0,"profile":"preview",)"
                                           R"("switches":{"isolation":"tenant","wildcards":false,)"));
    CHECK_THAT(own.body, Catch::Contains(R"("packet_bytes":131072)"));
    CHECK_THAT(own.body, !Catch::Contains("t2"));
    const auto all = at.ask("GET", "/tenants", door::bearer());
    CHECK_THAT(all.body, Catch::Contains(R"("tenant":"t2","connections":1)"));
    one->leave("c2");
}
