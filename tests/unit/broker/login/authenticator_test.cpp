// Who is calling: the forms of user names, passwords that are remembered, and what is counted.
#include "broker/login/authenticator.hpp"

#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/common/auth/make_certificate.hpp"

#include "common/auth/file_provider.hpp"
#include "common/auth/file_trust.hpp"
#include "common/core/log.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>

using broker::login::authenticator;
using broker::login::login_attempt;
using broker::login::login_result;
using broker::login::tenant_rules;
using broker::mqtt::reason_code;
using namespace std::chrono_literals;

namespace {

/// The thread of the test as the event loop: hashing ends elsewhere and is posted here.
class loop {
  public:
    auth::post_function post() {
        return [this](std::function<void()> job) {
            const std::lock_guard lock(mutex_);
            jobs_.push_back(std::move(job));
            wake_.notify_one();
        };
    }
    void run_one() {
        std::unique_lock lock(mutex_);
        REQUIRE(wake_.wait_for(lock, std::chrono::seconds(20), [this] { return !jobs_.empty(); }));
        const auto job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
    }

  private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_;
};

struct fixture {
    fixture() {
        const auto path = directory.file("tenants.yaml");
        ca = make::certificate([] {
            make::options with;
            with.common_name = "plant";
            with.authority = true;
            return with;
        }());
        std::ofstream(directory.file("ca.pem")) << ca.pem;
        std::ofstream(path)
            << "tenants:\n"
               "  t1:\n"
               "    users: { device1: { password: { plain: right } }, a/b: { password: { plain: right } } }\n"
               "    trust_anchors: [ { name: plant-ca, file: ca.pem, auto_registration: true } ]\n"
               "  t2: { users: { device1: { password: { plain: other } } } }\n";
        std::string complaints;
        provider = auth::file_provider::open(path, events.post(), complaints);
        INFO(complaints);
        REQUIRE(provider);
        cache.emplace(*provider, clock, events.post());
        trust.emplace(*provider, clock);
        auth::throttle_limits limits;
        limits.failures_per_user = 3;
        limits.failures_per_address = 8;
        logins.emplace(
            *cache, &*trust, [this](std::string_view tenant) { return rules[std::string(tenant)]; }, clock, limits);
    }

    std::string device(const char* name) {
        make::options with;
        with.common_name = name;
        return make::certificate(with, &ca).der;
    }

    /// Runs the loop until the answer is there.
    login_result ask(std::optional<std::string_view> user, std::optional<std::string_view> password,
                     const std::vector<std::string>& certificates = {}, std::string_view client_id = "dev-7") {
        std::optional<login_result> answer;
        login_attempt attempt;
        attempt.username = user;
        attempt.password = password;
        attempt.certificates = &certificates;
        attempt.client_id = client_id;
        attempt.address = address;
        logins->login(attempt, [&](login_result result) { answer = std::move(result); });
        immediate = answer.has_value();
        while (!answer) events.run_one();
        return *answer;
    }

    support::temp_dir directory;
    support::manual_clock clock;
    loop events;
    make::issued ca;
    std::map<std::string, tenant_rules> rules;
    std::string address = "192.0.2.1:5000";
    std::unique_ptr<auth::file_provider> provider;
    std::optional<auth::credential_cache> cache;
    std::optional<auth::file_trust> trust;
    std::optional<authenticator> logins;
    bool immediate = false;
};

} // namespace

TEST_CASE_METHOD(fixture, "the right password of a tenant's user") {
    const auto result = ask("t1/device1", "right");
    CHECK(result.reason == reason_code::success);
    CHECK(result.who.tenant == "t1");
    CHECK(result.who.user == "device1");
    CHECK(result.who.method == record::authentication::basic);
    CHECK(logins->counters().accepted_password == 1);
}

TEST_CASE_METHOD(fixture, "a user name may hold slashes after the first") {
    const auto result = ask("t1/a/b", "right");
    CHECK(result.reason == reason_code::success);
    CHECK(result.who.user == "a/b");
}

TEST_CASE_METHOD(fixture, "a password that was right is remembered and answered at once") {
    CHECK(ask("t1/device1", "right").reason == reason_code::success);
    CHECK(ask("t1/device1", "right").reason == reason_code::success);
    CHECK(immediate);
    CHECK(ask("t1/device1", "wrong").reason == reason_code::bad_username_or_password);
    CHECK(ask("t2/device1", "right").reason == reason_code::bad_username_or_password);
}

TEST_CASE_METHOD(fixture, "wrong tenant, user and password get the same answer") {
    const char* users[] = {"t1/device1", "t1/nobody", "t9/device1", "/device1", "t1/", "/"};
    for (const auto* user : users) {
        INFO(user);
        const auto result = ask(user, "wrong");
        CHECK(result.reason == reason_code::bad_username_or_password);
        CHECK(result.text == "wrong tenant, user or password");
        CHECK(result.who.tenant.empty());
    }
    CHECK(logins->counters().refused_credentials == 6);
    CHECK(logins->counters().accepted_password == 0);
}

TEST_CASE_METHOD(fixture, "forms that cannot be a login are refused at once") {
    CHECK(ask(std::nullopt, std::nullopt).reason == reason_code::not_authorized);
    CHECK(immediate);
    CHECK(ask("device1", "right").reason == reason_code::not_authorized);
    CHECK(ask("t1/device1", std::nullopt).reason == reason_code::not_authorized);
    CHECK(ask("", "").reason == reason_code::not_authorized);
    CHECK(logins->counters().refused_form == 4);
    CHECK(logins->counters().refused_credentials == 0);
}

TEST_CASE_METHOD(fixture, "bytes that are no certificate are refused, whoever is named") {
    const std::vector<std::string> garbage{"\x30\x82garbage"};
    for (const auto* user : {"t1", "t1/device1", "t9", ""}) {
        INFO(user);
        const auto result = ask(user, std::nullopt, garbage);
        CHECK(result.reason == reason_code::not_authorized);
        CHECK(immediate);
    }
    CHECK(logins->counters().refused_certificate == 4);
    CHECK(logins->counters().accepted_certificate == 0);
}

TEST_CASE_METHOD(fixture, "a password goes before a certificate") {
    CHECK(ask("t1/device1", "right", {"garbage"}).reason == reason_code::success);
    CHECK(logins->counters().refused_certificate == 0);
}

TEST_CASE_METHOD(fixture, "a certificate of the tenant, named or found by the chain", "[ref-A.4]") {
    for (const char* named : {"t1", ""}) {
        const auto result = ask(named, std::nullopt, {device("dev-7")});
        CHECK(result.reason == reason_code::success);
        CHECK(result.who.tenant == "t1");
        CHECK(result.who.user == "dev-7");
        CHECK(result.who.method == record::authentication::x509);
        REQUIRE(result.who.device);
        CHECK(result.who.device->anchor_name == "plant-ca");
        CHECK(result.who.device->numbers.size() == 1);
    }
    CHECK(ask(std::nullopt, std::nullopt, {device("dev-7")}).reason == reason_code::success);
    CHECK(ask("t2", std::nullopt, {device("dev-7")}).reason == reason_code::not_authorized);
    CHECK(logins->counters().accepted_certificate == 3);
    CHECK(logins->counters().refused_certificate == 1);
}

TEST_CASE_METHOD(fixture, "where the certificate names the client, it must be this one", "[ref-A.4]") {
    const auto with = [&](const char* name, const char* client_id) {
        return ask("t1", std::nullopt, {device(name)}, client_id).reason;
    };
    CHECK(with("dev-7", "another") == reason_code::success);
    rules["t1"].certificate_names_client = true;
    CHECK(with("dev-7", "dev-7") == reason_code::success);
    CHECK(with("dev-7", "d:dev-7") == reason_code::success);
    CHECK(with("d:dev-7", "d:dev-7") == reason_code::success);
    CHECK(with("d:dev-7", "dev-7") == reason_code::not_authorized);
    CHECK(with("dev-7", "dev-8") == reason_code::not_authorized);
    CHECK(with("dev-7", "d:dev-7:x") == reason_code::not_authorized);
    CHECK(with("dev-7", "") == reason_code::not_authorized);
    CHECK(logins->counters().refused_name == 4);
}

TEST_CASE_METHOD(fixture, "where passwords are forbidden, none is looked at", "[ref-A.4]") {
    CHECK(ask("t1/device1", "right").reason == reason_code::success);
    rules["t1"].basic_authentication = false;
    for (const char* password : {"right", "wrong"}) {
        const auto result = ask("t1/device1", password);
        CHECK(result.reason == reason_code::not_authorized);
        CHECK(result.text == "this tenant allows certificates only");
        CHECK(immediate); // neither remembered nor hashed
    }
    CHECK(logins->counters().refused_basic == 2);
    CHECK(logins->counters().refused_credentials == 0);
    CHECK(ask("t2/device1", "other").reason == reason_code::success);
    CHECK(ask("t1", std::nullopt, {device("dev-7")}).reason == reason_code::success);
}

TEST_CASE_METHOD(fixture, "wrong passwords of one user make further ones wait, not what was right before") {
    CHECK(ask("t1/device1", "right").reason == reason_code::success);
    for (int i = 0; i < 4; ++i)
        CHECK(ask("t1/device1", "wrong" + std::to_string(i)).reason == reason_code::bad_username_or_password);
    const auto refused = ask("t1/device1", "wrong4");
    CHECK(refused.reason == reason_code::connection_rate_exceeded);
    CHECK(broker::mqtt::to_return_code(refused.reason) == broker::mqtt::return_code::not_authorized);
    CHECK(immediate);
    CHECK(ask("t1/device1", "wrong0").reason == reason_code::connection_rate_exceeded); // not even what is known wrong
    CHECK(logins->counters().throttled == 2);
    address = "198.51.100.7:1"; // from anywhere
    CHECK(ask("t1/device1", "wrong5").reason == reason_code::connection_rate_exceeded);
    CHECK(ask("t1/device1", "right").reason == reason_code::success);
    CHECK(ask("t1/device1", "wrong6").reason == reason_code::connection_rate_exceeded); // a known device frees no guess
    CHECK(ask("t1/a/b", "right").reason == reason_code::success);                       // others are not held up
}

TEST_CASE_METHOD(fixture, "the delay passes, and the right password then gets in") {
    for (int i = 0; i < 4; ++i) (void)ask("t1/device1", "wrong" + std::to_string(i));
    CHECK(ask("t1/device1", "right").reason == reason_code::connection_rate_exceeded); // nobody knows it yet
    clock.advance(1s);
    CHECK(ask("t1/device1", "right").reason == reason_code::success);
}

TEST_CASE_METHOD(fixture, "an address that fails often holds up strangers behind it, not those that were let in") {
    CHECK(ask("t1/device1", "right").reason == reason_code::success);
    CHECK(ask("t1", std::nullopt, {device("dev-7")}).reason == reason_code::success);
    const auto known = device("dev-8");
    CHECK(ask("t1", std::nullopt, {known}).reason == reason_code::success);
    for (int i = 0; i < 9; ++i) (void)ask("t1/nobody" + std::to_string(i), "wrong");
    CHECK(ask("t1/a/b", "right").reason == reason_code::connection_rate_exceeded);
    CHECK(ask("t1", std::nullopt, {device("dev-9")}).reason == reason_code::connection_rate_exceeded);
    CHECK(ask("t1/device1", "right").reason == reason_code::success);
    CHECK(ask("t1", std::nullopt, {known}).reason == reason_code::success);
    address = "192.0.2.2:5000";
    CHECK(ask("t1/a/b", "right").reason == reason_code::success);
}

TEST_CASE_METHOD(fixture, "refused certificates count for their address") {
    for (int i = 0; i < 9; ++i) CHECK(ask("t1", std::nullopt, {"garbage"}).reason == reason_code::not_authorized);
    CHECK(logins->failures().users() == 0);
    CHECK(ask("t1", std::nullopt, {"garbage"}).reason == reason_code::connection_rate_exceeded);
    CHECK(ask("t1/device1", "right").reason == reason_code::connection_rate_exceeded);
}

TEST_CASE_METHOD(fixture, "a certificate that is refused again and again holds up itself, not its neighbours") {
    make::options old;
    old.common_name = "dev-old";
    old.to_s = make::now_s - 3'600;
    const auto expired = make::certificate(old, &ca).der;
    for (int i = 0; i < 4; ++i) CHECK(ask("t1", std::nullopt, {expired}).reason == reason_code::not_authorized);
    CHECK(ask("t1", std::nullopt, {expired}).reason == reason_code::connection_rate_exceeded);
    for (int i = 0; i < 100; ++i) {
        clock.advance(10s);
        (void)ask("t1", std::nullopt, {expired});
    }
    CHECK(logins->failures().addresses() == 1);
    CHECK(ask("t1", std::nullopt, {device("dev-9")}).reason == reason_code::success);
    CHECK(ask("t1/a/b", "right").reason == reason_code::success);
    // Certificates that were never seen are guesses, and count.
    for (int i = 0; i < 9; ++i) {
        old.common_name = "dev-" + std::to_string(i);
        (void)ask("t1", std::nullopt, {make::certificate(old, &ca).der});
    }
    CHECK(ask("t1", std::nullopt, {device("dev-10")}).reason == reason_code::connection_rate_exceeded);
}

TEST_CASE_METHOD(fixture, "many guesses at once are looked at no more than guesses in turn") {
    std::vector<reason_code> answers;
    const std::vector<std::string> none;
    const auto begin = [&](const std::string& password) {
        login_attempt attempt;
        attempt.username = "t1/device1";
        attempt.password = password;
        attempt.address = "192.0.2.1:5000";
        attempt.certificates = &none;
        logins->login(attempt, [&](const login_result& result) { answers.push_back(result.reason); });
    };
    for (int i = 0; i < 10; ++i) begin("wrong" + std::to_string(i));
    CHECK(std::count(answers.begin(), answers.end(), reason_code::connection_rate_exceeded) == 7);
    for (int i = 0; i < 10; ++i) begin("wrong0"); // the same credentials are one guess
    CHECK(answers.size() == 7);
    while (answers.size() < 20) events.run_one();
    CHECK(std::count(answers.begin(), answers.end(), reason_code::bad_username_or_password) == 13);
    CHECK(ask("t1/device1", "wrong").reason == reason_code::bad_username_or_password); // three failures so far, not 13
}

TEST_CASE_METHOD(fixture, "what nobody can decide is no failure of the client") {
    struct down final : auth::provider {
        auth::post_function post;
        auth::errc with = auth::errc::unavailable;
        void verify(auth::credentials, auth::verify_callback done) override {
            post([done, error = with] { done(error); });
        }
    } platform;
    platform.post = events.post();
    auth::credential_cache over(platform, clock, events.post());
    logins.emplace(over, nullptr, [](std::string_view) { return tenant_rules{}; }, clock);
    for (int i = 0; i < 20; ++i) CHECK(ask("t1/device1", "x").reason == reason_code::server_unavailable);
    CHECK(broker::mqtt::to_return_code(reason_code::server_unavailable) ==
          broker::mqtt::return_code::server_unavailable);
    CHECK(logins->counters().unavailable == 20);
    platform.with = auth::errc::busy;
    CHECK(ask("t1/device1", "x").reason == reason_code::server_busy);
    CHECK(logins->counters().busy == 1);
    CHECK(logins->failures().users() == 0);
    CHECK(ask("t1", std::nullopt, {"x"}).reason == reason_code::not_authorized); // no certificates without trust
}

TEST_CASE_METHOD(fixture, "neither passwords nor certificates reach the log") {
    const auto log_path = directory.file("log");
    std::fflush(stdout);
    const int kept = ::dup(STDOUT_FILENO);
    const int file = ::open(log_path.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    REQUIRE(::dup2(file, STDOUT_FILENO) >= 0);
    core::log::start("test", core::log::level::debug);
    (void)ask("t1/device1", "right-Zx81");
    (void)ask("t1/device1", "right");
    for (int i = 0; i < 9; ++i) (void)ask("t1/device1", "guess-Zx81-" + std::to_string(i));
    (void)ask("t1", std::nullopt, {"garbage-Zx81"});
    (void)ask("Zx81-no-slash", "secret-Zx81-2");
    core::log::info("end of the log");
    core::log::start("test", core::log::level::info);
    std::fflush(stdout);
    ::dup2(kept, STDOUT_FILENO);
    ::close(kept);
    ::close(file);
    std::ifstream in(log_path);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    CHECK_THAT(text, Catch::Contains("end of the log")); // it was the log that was captured
    CHECK_THAT(text, Catch::Contains("certificate refused"));
    CHECK_THAT(text, !Catch::Contains("Zx81"));
}
