// Long lists of management while others have work on the same loop, and while topics come and go. In one process,
// without sockets; the store's files are real.
#include "messaging/admin/routes.hpp"

#include "common/core/base64.hpp"
#include "messaging/store/file.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <simdjson.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace messaging;

/// Lets everybody in as an administrator of the tenant named.
class open_door final : public auth::provider {
  public:
    explicit open_door(asio::io_context& loop) : loop_(loop) {}
    void verify(auth::credentials with, auth::verify_callback done) override {
        auth::principal who;
        who.tenant = with.tenant;
        who.user = with.user;
        who.roles = {"ROLE_TENANT_ADMIN"};
        asio::post(loop_, [who = std::move(who), done = std::move(done)] { done(who); });
    }

  private:
    asio::io_context& loop_;
};

admin::management_options options_with(std::size_t walks_max) {
    admin::management_options made;
    made.walks_max = walks_max;
    made.limits_of = [](std::string_view) { return topic::limits(); };
    return made;
}

struct world {
    explicit world(std::size_t topics, std::size_t walks_max = 4)
        : files(store::make_posix_file_system(directory.path().string())), hub(topic::limits(), clock, [] {}),
          door(loop), cache(door, clock, [this](std::function<void()> f) { asio::post(loop, std::move(f)); }),
          guard(cache, clock), context(hub, guard, clock, metrics, options_with(walks_max)) {
        store::log_options log;
        log.mode = store::durability::os;
        log.segment_bytes = 1024 * 1024;
        REQUIRE_FALSE(hub.open(log, *files, [this](std::function<void()> f) { asio::post(loop, std::move(f)); }));
        for (std::size_t i = 0; i < topics; ++i) open(name(i));
    }
    ~world() { hub.close(); }

    static std::string name(std::size_t i) { return "site/" + std::to_string(i); }
    void open(const std::string& called) {
        auto why = msg_link::reason::ok;
        REQUIRE(hub.open_topic("t0815", "mqtt", called, why) != nullptr);
    }
    net::http_request request(const std::string& target) {
        net::http_request made;
        made.method = "GET";
        REQUIRE(net::parse_target(target, made));
        made.headers.add("Authorization", "Basic " + core::base64_encode("t0815/admin:x"));
        return made;
    }
    /// Answers in the order of the targets.
    std::vector<net::http_response> ask(const std::vector<std::string>& targets) {
        std::vector<net::http_response> answers(targets.size());
        for (std::size_t i = 0; i < targets.size(); ++i)
            asio::co_spawn(loop, admin::answer_management(context, request(targets[i])),
                           [&answers, i](const std::exception_ptr& thrown, net::http_response answer) {
                               CHECK_FALSE(thrown);
                               answers[i] = std::move(answer);
                           });
        loop.restart();
        loop.run();
        return answers;
    }

    support::temp_dir directory;
    asio::io_context loop{1};
    core::system_clock clock;
    ops::metrics metrics;
    std::unique_ptr<store::file_system> files;
    topic::hub hub;
    open_door door;
    auth::credential_cache cache;
    auth::login_guard guard;
    admin::management_context context;
};

std::vector<std::string> names_of(const std::string& body) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    simdjson::dom::array list;
    REQUIRE(parser.parse(body).get(root) == simdjson::SUCCESS);
    REQUIRE(root["topics"].get(list) == simdjson::SUCCESS);
    std::vector<std::string> names;
    for (const auto one : list) {
        std::string_view name;
        REQUIRE(one["name"].get(name) == simdjson::SUCCESS);
        names.emplace_back(name);
    }
    return names;
}

const std::string topics = "/management/tenants/t0815/topics";

} // namespace

TEST_CASE("management: a list of many topics leaves others their turns", "[admin]") {
    world in(30'000);
    std::size_t turns = 0;
    bool done = false;
    std::function<void()> other = [&] {
        ++turns;
        if (!done) asio::post(in.loop, other);
    };
    asio::post(in.loop, other);
    asio::co_spawn(in.loop, admin::answer_management(in.context, in.request(topics + "?sort=-lastUsed&pageSize=10")),
                   [&](const std::exception_ptr& thrown, net::http_response answer) {
                       done = true;
                       CHECK_FALSE(thrown);
                       CHECK(answer.status == 200);
                       CHECK(names_of(answer.body).size() == 10);
                       CHECK_THAT(answer.body, Catch::Contains("\"totalElements\":30000"));
                   });
    in.loop.run();
    CHECK(turns >= 30'000 / 2'000);
}

TEST_CASE("management: the pages of a list are all of it, each topic once", "[admin]") {
    world in(4'500);
    std::set<std::string> seen;
    for (int page = 1; page <= 3; ++page) {
        const auto answer = in.ask({topics + "?pageSize=2000&currentPage=" + std::to_string(page)}).front();
        REQUIRE(answer.status == 200);
        for (auto& name : names_of(answer.body)) CHECK(seen.insert(name).second);
    }
    CHECK(seen.size() == 4'500);
}

TEST_CASE("management: topics that come during the walk neither double nor hide others", "[admin]") {
    world in(9'000);
    std::size_t made = 0;
    std::function<void()> other = [&] { // grows the table over and over while the walk is under way
        for (int i = 0; i < 3'000; ++i) in.open("new/" + std::to_string(made++));
        if (made < 30'000) asio::post(in.loop, other);
    };
    asio::post(in.loop, other);
    const auto answer = in.ask({topics + "?name=site*&pageSize=1"}).front();
    REQUIRE(answer.status == 200);
    CHECK_THAT(answer.body, Catch::Contains("\"totalElements\":9000"));
    CHECK(made == 30'000);
}

TEST_CASE("management: more long lists at a time than there may be are told to come again", "[admin]") {
    world in(9'000, 2);
    const auto answers = in.ask({topics, topics, topics, topics});
    std::vector<unsigned> statuses;
    for (const auto& one : answers) statuses.push_back(one.status);
    CHECK(statuses == std::vector<unsigned>{200, 200, 503, 503});
    CHECK(answers[3].headers.get("Retry-After") == "1");
    CHECK(in.context.walks == 0);
    CHECK(in.ask({topics}).front().status == 200);
}
