// Who is calling: the forms of user names, passwords that are remembered, and what is counted.
#include "broker/login/authenticator.hpp"

#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>

using broker::login::authenticator;
using broker::login::login_result;
using broker::mqtt::reason_code;

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
        std::ofstream(path) << "tenants:\n"
                               "  t1: { users: { device1: { password: { plain: right } },\n"
                               "                 a/b: { password: { plain: right } } } }\n"
                               "  t2: { users: { device1: { password: { plain: other } } } }\n";
        std::string complaints;
        provider = auth::file_provider::open(path, events.post(), complaints);
        INFO(complaints);
        REQUIRE(provider);
        cache.emplace(*provider, clock, events.post());
        logins.emplace(*provider, *cache, clock);
    }

    /// Runs the loop until the answer is there.
    login_result ask(std::optional<std::string_view> user, std::optional<std::string_view> password,
                     const std::vector<std::string>& certificates = {}) {
        std::optional<login_result> answer;
        logins->login(user, password, certificates, [&](login_result result) { answer = std::move(result); });
        immediate = answer.has_value();
        while (!answer) events.run_one();
        return *answer;
    }

    support::temp_dir directory;
    support::manual_clock clock;
    loop events;
    std::unique_ptr<auth::file_provider> provider;
    std::optional<auth::credential_cache> cache;
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
