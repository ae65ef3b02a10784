#include "common/auth/platform_provider.hpp"

#include "common/auth/current_user.hpp"
#include "common/core/log.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <deque>

namespace auth {
namespace {

struct question {
    credentials with;
    verify_callback done;
    core::steady_time asked_at;
};

} // namespace

struct platform_provider::state : std::enable_shared_from_this<platform_provider::state> {
    asio::any_io_executor executor;
    rest_factory as;
    const core::clock& clock;
    options limits;
    platform::circuit_breaker breaker;
    platform_provider_counters counters;
    std::deque<question> waiting;
    std::size_t running = 0;
    async::task_group tasks;
    bool troubled = false;

    state(asio::any_io_executor on, rest_factory factory, const core::clock& time, options with)
        : executor(on), as(std::move(factory)), clock(time), limits(with), breaker(time, with.breaker),
          tasks(std::move(on), "platform logins") {}

    void answer_later(question to, errc with) {
        asio::post(executor, [weak = weak_from_this(), done = std::move(to.done), with] {
            if (const auto self = weak.lock(); self && !self->tasks.stopping()) done(with);
        });
    }

    void take(question one) {
        if (!askable(one.with)) return answer_later(std::move(one), errc::wrong_credentials);
        if (waiting.size() >= limits.waiting_max) {
            ++counters.turned_away;
            return answer_later(std::move(one), errc::busy);
        }
        waiting.push_back(std::move(one));
        start_next();
    }

    void start_next() {
        while (!waiting.empty() && running < limits.concurrent_max) {
            auto next = std::move(waiting.front());
            waiting.pop_front();
            if (clock.now() - next.asked_at > limits.waiting_time) {
                ++counters.turned_away;
                answer_later(std::move(next), errc::busy);
            } else if (!breaker.allow()) {
                ++counters.not_asked;
                answer_later(std::move(next), errc::unavailable);
            } else {
                ++running;
                tasks.spawn("login", ask(shared_from_this(), std::move(next)));
            }
        }
    }

    static asio::awaitable<void> ask(std::shared_ptr<state> self, question one) {
        ++self->counters.requests;
        platform::credentials who;
        who.tenant = one.with.tenant.value;
        who.user = one.with.user;
        who.password = one.with.password;
        const auto over = self->as(who);
        platform::call what("GET", "/user/currentUser", "currentUser");
        what.accept = "currentUser";
        auto got = co_await over->send(std::move(what));
        if (self->tasks.stopping()) co_return;
        --self->running;
        auto answer = self->judge(got, one.with.tenant);
        self->start_next();
        one.done(std::move(answer));
    }

    /// Also where the request as a whole is refused: were that the platform's trouble, whoever offers such credentials
    /// could keep the breaker open for everybody.
    static bool refuses_these(unsigned status) noexcept {
        return status == 401 || status == 403 || status == 400 || status == 413 || status == 414 || status == 431;
    }

    core::result<principal> judge(const platform::reply& got, const core::tenant_id& tenant) {
        if (got.status == 429) {
            ++counters.throttled;
            breaker.throttled(got.problem.retry_after);
            tell_trouble("it asks for fewer requests");
            return errc::unavailable;
        }
        if (refuses_these(got.status)) {
            ++counters.wrong;
            well();
            return errc::wrong_credentials;
        }
        auto who = got.ok() ? read_current_user(got.body, tenant) : core::result<principal>(errc::unavailable);
        if (!who && who.error() != errc::wrong_credentials) {
            ++counters.failed;
            breaker.failed();
            if (breaker.open()) tell_trouble(got.ok() ? who.error().message() : got.problem.text());
            return errc::unavailable;
        }
        ++(who ? counters.accepted : counters.wrong);
        well();
        return who;
    }

    void tell_trouble(const std::string& why) {
        if (!troubled)
            core::log::warn("logins cannot be checked with the platform; known devices go on", {{"why", why}});
        troubled = true;
    }
    void well() {
        breaker.succeeded();
        if (troubled) core::log::info("the platform answers logins again");
        troubled = false;
    }
};

platform_provider::platform_provider(asio::any_io_executor executor, rest_factory as, const core::clock& clock,
                                     options with)
    : state_(std::make_shared<state>(std::move(executor), std::move(as), clock, with)) {}

platform_provider::~platform_provider() {
    state_->waiting.clear();
    state_->tasks.stop();
}

void platform_provider::verify(credentials with, verify_callback done) {
    state_->take({std::move(with), std::move(done), state_->clock.now()});
}

asio::awaitable<void> platform_provider::stop() {
    const auto kept = state_;
    kept->waiting.clear();
    kept->tasks.stop();
    co_await kept->tasks.join();
}

const platform_provider_counters& platform_provider::counters() const noexcept { return state_->counters; }
const platform::circuit_breaker& platform_provider::breaker() const noexcept { return state_->breaker; }
std::size_t platform_provider::waiting() const noexcept { return state_->waiting.size(); }

} // namespace auth
