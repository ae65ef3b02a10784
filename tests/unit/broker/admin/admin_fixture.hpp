// Who may log in at the ops port, and a loop that runs one request.
#pragma once

#include "broker/admin/gatekeeper.hpp"
#include "common/core/base64.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <fstream>
#include <optional>
#include <string>

namespace admin_fixture {

namespace asio = boost::asio;

/// Knows t1/admin (administrator), t1/device, and t2/admin, all with the password `right`.
class known_users final : public auth::provider {
  public:
    explicit known_users(asio::io_context& loop) : loop_(loop) {}

    void verify(auth::credentials with, auth::verify_callback done) override {
        asio::post(loop_, [this, with = std::move(with), done = std::move(done)] { done(judge(with)); });
    }
    bool broken = false;

  private:
    core::result<auth::principal> judge(const auth::credentials& with) const {
        if (broken) return auth::make_error_code(auth::errc::busy);
        const bool tenant = with.tenant.value == "t1" || with.tenant.value == "t2";
        if (!tenant || with.password != "right" || (with.user != "admin" && with.user != "device"))
            return auth::make_error_code(auth::errc::wrong_credentials);
        auth::principal who;
        who.tenant = with.tenant;
        who.user = with.user;
        if (with.user == "admin") who.roles = {std::string(auth::role_tenant_admin)};
        return who;
    }
    asio::io_context& loop_;
};

inline const std::string operator_token = "operator-token-of-this-test";

struct door {
    asio::io_context loop{1};
    known_users users{loop};
    support::temp_dir directory;
    support::manual_clock time;
    auth::credential_cache remembered{users, time, [this](std::function<void()> job) { asio::post(loop, job); }};
    auth::login_guard guard{remembered, time};
    broker::admin::gatekeeper gate{guard, directory.file("token")};

    door() { write_token(operator_token); }
    void write_token(const std::string& text) const { std::ofstream(directory.file("token")) << text << "\n"; }

    static net::http_request request(const std::string& method, const std::string& target,
                                     const std::string& authorization = {}) {
        net::http_request made;
        made.method = method;
        REQUIRE(net::parse_target(target, made));
        if (!authorization.empty()) made.headers.set("Authorization", authorization);
        return made;
    }
    static std::string basic(const std::string& login) { return "Basic " + core::base64_encode(login); }
    static std::string bearer() { return "Bearer " + operator_token; }

    template <class Value> Value run(asio::awaitable<Value> what) {
        std::optional<Value> result;
        asio::co_spawn(loop, std::move(what), [&](const std::exception_ptr& error, Value value) {
            REQUIRE_FALSE(error);
            result.emplace(std::move(value));
        });
        loop.restart();
        loop.run();
        REQUIRE(result);
        return std::move(*result);
    }
};

} // namespace admin_fixture
