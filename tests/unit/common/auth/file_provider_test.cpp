#include "common/auth/file_provider.hpp"

#include "tests/unit/common/auth/make_certificate.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

using namespace auth;

namespace {

/// The thread of the test as an event loop: the worker posts, the test runs what was posted.
class loop {
  public:
    post_function post() {
        return [this](std::function<void()> job) {
            const std::lock_guard lock(mutex_);
            jobs_.push_back(std::move(job));
            wake_.notify_one();
        };
    }
    bool idle() {
        const std::lock_guard lock(mutex_);
        return jobs_.empty();
    }
    void run_one() {
        std::unique_lock lock(mutex_);
        REQUIRE(wake_.wait_for(lock, std::chrono::seconds(20), [this] { return !jobs_.empty(); }));
        auto job = std::move(jobs_.front());
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
    make::directory in;
    loop events;
    std::unique_ptr<file_provider> provider;

    void open(std::size_t waiting_max = 1000) {
        const auto cheap = hash_password("device1-secret", {16, 8, 1}).value();
        const auto path = in.write("tenants.yaml", yaml("device1: { password: \"" + cheap + "\" }"));
        std::string complaints;
        file_provider::options with;
        with.waiting_max = waiting_max;
        provider = file_provider::open(path, events.post(), complaints, with);
        INFO(complaints);
        REQUIRE(provider);
    }
    static std::string yaml(const std::string& user) {
        return "tenants:\n  t0815:\n    users:\n      " + user +
               "\n      admin: { password: { plain: admin-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN] }\n";
    }
    core::result<principal> ask(const char* tenant, const char* user, const std::string& password) {
        std::optional<core::result<principal>> answer;
        provider->verify({core::tenant_id{tenant}, user, password},
                         [&](core::result<principal> got) { answer = std::move(got); });
        CHECK_FALSE(answer);
        events.run_one();
        REQUIRE(answer);
        return *answer;
    }
};

} // namespace

TEST_CASE("file provider: right, wrong and unknown", "[auth]") {
    fixture test;
    test.open();
    const auto device = test.ask("t0815", "device1", "device1-secret");
    REQUIRE(device);
    CHECK(device->tenant.value == "t0815");
    CHECK(device->user == "device1");
    CHECK_FALSE(device->has_role(role_notification_admin));
    const auto admin = test.ask("t0815", "admin", "admin-secret");
    REQUIRE(admin);
    CHECK(admin->has_role(role_notification_admin));
    CHECK_FALSE(admin->has_role(role_tenant_admin));
    CHECK(test.ask("t0815", "device1", "wrong").error() == errc::wrong_credentials);
    CHECK(test.ask("t0815", "admin", "device1-secret").error() == errc::wrong_credentials);
    CHECK(test.ask("t0815", "admin", "").error() == errc::wrong_credentials);
    CHECK(test.ask("t0815", "nobody", "").error() == errc::wrong_credentials);
    CHECK(test.ask("t4711", "device1", "device1-secret").error() == errc::wrong_credentials);
    CHECK(test.ask("", "", "").error() == errc::wrong_credentials);
}

TEST_CASE("file provider: a reload is whole or nothing", "[auth]") {
    fixture test;
    test.open();
    int reloads = 0;
    test.provider->on_reload([&] { ++reloads; });
    test.in.write("tenants.yaml", fixture::yaml("device1: { pasword: x }"));
    CHECK_THAT(test.provider->reload(), Catch::Contains("pasword"));
    CHECK(reloads == 0);
    CHECK(test.ask("t0815", "device1", "device1-secret"));
    test.in.write("tenants.yaml", fixture::yaml("device2: { password: { plain: two } }"));
    CHECK(test.provider->reload().empty());
    CHECK(reloads == 1);
    CHECK(test.ask("t0815", "device1", "device1-secret").error() == errc::wrong_credentials);
    CHECK(test.ask("t0815", "device2", "two"));
}

TEST_CASE("file provider: a full queue is answered busy, and never before verify returned", "[auth]") {
    fixture test;
    test.open(0);
    CHECK(test.ask("t0815", "device1", "device1-secret").error() == errc::busy);
}

TEST_CASE("file provider: may go while checks wait", "[auth]") {
    fixture test;
    test.open();
    int answers = 0;
    for (int i = 0; i < 50; ++i)
        test.provider->verify({core::tenant_id{"t0815"}, "nobody", "x"},
                              [&](const core::result<principal>&) { ++answers; });
    test.provider.reset();
    while (!test.events.idle()) test.events.run_one();
    CHECK(answers < 50);
}

TEST_CASE("file provider: mistakes keep it from opening", "[auth]") {
    const make::directory in;
    std::string complaints;
    CHECK(file_provider::open(in.write("t.yaml", "x: 1\n"), {}, complaints) == nullptr);
    CHECK_FALSE(complaints.empty());
}

TEST_CASE("file provider: a reload beside the loop", "[auth]") {
    fixture test;
    test.open();
    int reloads = 0;
    std::vector<std::string> answers;
    test.provider->on_reload([&] { ++reloads; });
    const auto note = [&](std::string complaints) { answers.push_back(std::move(complaints)); };
    test.in.write("tenants.yaml", "tenants: { t9: { users: { u: { pasword: x } } } }\n");
    test.provider->reload(note);
    test.provider->reload(note); // while the first is under way: once more afterwards
    test.events.run_one();
    REQUIRE(answers.size() == 1);
    CHECK_THAT(answers[0], Catch::Contains("tenants.yaml:1:"));
    CHECK(reloads == 0);
    test.events.run_one();
    CHECK(answers.size() == 2);
    test.in.write("tenants.yaml", "tenants: { t9: { users: { u: { password: { plain: x } } } } }\n");
    test.provider->reload(note);
    test.events.run_one();
    REQUIRE(answers.size() == 3);
    CHECK(answers[2].empty());
    CHECK(reloads == 1);
    CHECK(test.provider->directory()->tenants.contains(core::tenant_id("t9")));
    CHECK(test.events.idle());
}

TEST_CASE("file provider: a reload that comes after its end is dropped", "[auth]") {
    fixture test;
    test.open();
    test.provider->reload([](const std::string&) { FAIL("nobody is there any more"); });
    while (test.events.idle()) std::this_thread::yield();
    test.provider.reset();
    test.events.run_one();
}
