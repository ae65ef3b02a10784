// Any request to messaging's HTTP routes, by anybody: management and the original's API over a hub in memory. Each gets
// one answer of a status that fits, JSON where it says JSON, never 500; and the accounts stay exact.
#include "common/notification2/signing_key.hpp"
#include "messaging/admin/management_api.hpp"
#include "messaging/admin/routes.hpp"
#include "messaging/endpoint/notification_api.hpp"
#include "tests/fuzz/byte_source.hpp"
#include "tests/fuzz/memory_hub.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <simdjson.h>

#include <array>

namespace {

namespace asio = boost::asio;
using fuzzing::byte_source;

constexpr int inputs_per_hub = 500;

/// Every user has the password `x`; what he may do is in his name.
class name_provider final : public auth::provider {
  public:
    explicit name_provider(asio::io_context& loop) : loop_(loop) {}
    void verify(auth::credentials with, auth::verify_callback done) override {
        asio::post(loop_, [with = std::move(with), done = std::move(done)] {
            if (with.password != "x") return done(auth::make_error_code(auth::errc::wrong_credentials));
            auth::principal who{with.tenant, with.user, {}};
            if (with.user == "admin")
                who.roles = {"ROLE_TENANT_ADMIN", "ROLE_NOTIFICATION_2_ADMIN", "ROLE_TENANT_MANAGEMENT_ADMIN"};
            if (with.user == "viewer") who.roles = {"ROLE_TENANT_STATISTICS_READ"};
            done(std::move(who));
        });
    }

  private:
    asio::io_context& loop_;
};

/// What service.cpp puts together, without sockets and files.
class world {
  public:
    world()
        : provider_(loop_),
          logins_(provider_, hub_.clock, [this](std::function<void()> f) { asio::post(loop_, std::move(f)); }),
          guard_(logins_, hub_.clock), ops_(health_, metrics_),
          secret_(*auth::link_secret::from_text(std::string(64, 'a'))),
          front_(ops_, secret_, *hub_.sessions, hub_.clock), api_(*hub_.hub, guard_, hub_.clock, metrics_, key()),
          management_(*hub_.hub, guard_, hub_.clock, metrics_, options()) {
        api_.add_routes(front_);
        management_.add_routes(front_);
        handle_ = front_.handler();
    }

    net::http_response ask(net::http_request request) {
        net::http_response answer(0);
        bool done = false;
        asio::co_spawn(loop_, handle_(std::move(request)), [&](std::exception_ptr failed, net::http_response got) {
            if (failed) std::abort();
            answer = std::move(got);
            done = true;
        });
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!done) {
            loop_.restart();
            if (loop_.poll() == 0) hub_.settle();
            if (std::chrono::steady_clock::now() > deadline) std::abort();
        }
        return answer;
    }
    void settle() {
        loop_.restart();
        loop_.poll();
        hub_.settle();
        hub_.check_accounts();
    }
    void tick(std::chrono::milliseconds by) {
        hub_.advance(by);
        management_.tick();
    }

  private:
    static notification2::signing_key key() {
        static const notification2::signing_key one = *notification2::signing_key::generate();
        return one;
    }
    static messaging::admin::management_options options() {
        messaging::admin::management_options with;
        with.limits_of = [](std::string_view) { return messaging::topic::limits{}; };
        with.connected_links = [] { return std::size_t{0}; };
        return with;
    }

    asio::io_context loop_{1};
    fuzzing::memory_hub hub_;
    name_provider provider_;
    auth::credential_cache logins_;
    auth::login_guard guard_;
    ops::health health_;
    ops::metrics metrics_;
    ops::ops_routes ops_;
    auth::link_secret secret_;
    messaging::endpoint::front front_;
    messaging::endpoint::notification_api api_;
    messaging::admin::management_api management_;
    net::http_handler handle_;
};

constexpr std::array<std::string_view, 8> methods = {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "G T"};
// admin, viewer and nobody of the tenant t1, the operator's admin, a wrong password, and what is no login.
constexpr std::array<std::string_view, 7> logins = {"Basic dDEvYWRtaW46eA==", "Basic dDEvdmlld2VyOng=",
                                                    "Basic dDEvdTp4",         "Basic bWFuYWdlbWVudC9hZG1pbjp4",
                                                    "Basic dDEvYWRtaW46eQ==", "Basic !",
                                                    "Bearer e30.e30.e30"};
constexpr std::array<std::string_view, 12> words = {"t1", "t2",         "mqtt", "relnotif", "a",    "a%2Fb",
                                                    "s1", "management", "%00",  "..",       "x%FF", "$debug%2F$error"};
constexpr std::array<std::string_view, 6> doors = {"/notification2/token",
                                                   "/notification2/unsubscribe",
                                                   "/notification2/consumer/",
                                                   "/notification2/producer",
                                                   "/openapi.json",
                                                   "/health"};

/// A pattern of the table with its parts filled in, one of the other doors, or anything.
std::string target_of(byte_source& in) {
    const auto shape = in.u8();
    if (shape >= 240) return std::string(in.bytes(in.u8()));
    std::string made;
    const auto& table = messaging::admin::route_table();
    if (shape >= 160) {
        made = doors[shape % doors.size()];
    } else {
        made = messaging::admin::base_path;
        std::string_view pattern = table[shape % table.size()].pattern;
        while (!pattern.empty()) {
            const auto open = pattern.find('{');
            made += pattern.substr(0, open);
            if (open == pattern.npos) break;
            made += words[in.u8() % words.size()];
            pattern.remove_prefix(pattern.find('}') + 1);
        }
    }
    if (const auto length = in.u8() % 64; length != 0) (made += '?') += in.bytes(length);
    return made;
}

void check(const net::http_response& answer) {
    if (answer.status < 200 || answer.status > 599 || answer.status == 500) std::abort();
    if (answer.content_type.starts_with("application/json") && !answer.body.empty()) {
        simdjson::dom::parser parser;
        simdjson::dom::element document;
        if (parser.parse(answer.body).get(document) != simdjson::SUCCESS) std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    static std::unique_ptr<world> messaging;
    static std::uint64_t inputs = 0;
    if (inputs++ % inputs_per_hub == 0) {
        messaging.reset();
        messaging = std::make_unique<world>();
    }
    byte_source in(bytes, size);
    while (!in.empty()) {
        net::http_request request;
        const auto shape = in.u8();
        request.method = methods[shape % methods.size()];
        request.target = target_of(in);
        request.remote_address = "127.0.0.1:1";
        if (!net::parse_target(request.target, request)) continue; // the server answers these itself
        if (const std::size_t who = shape >> 3u; who < logins.size())
            request.headers.add("Authorization", std::string(logins[who]));
        request.headers.add("Content-Type", (in.u8() & 7) != 0 ? "application/json" : "text/plain");
        request.body = in.bytes(in.u8() + (in.u8() & 1) * 256u);
        check(messaging->ask(std::move(request)));
        if (in.u8() % 8 == 0) messaging->tick(std::chrono::milliseconds(100));
    }
    messaging->settle();
    return 0;
}
