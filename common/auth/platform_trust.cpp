#include "common/auth/platform_trust.hpp"

#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "common/auth/trusted_certificates.hpp"
#include "common/core/log.hpp"

#include <boost/asio/post.hpp>

#include <deque>
#include <optional>
#include <unordered_map>

namespace auth {
namespace {

struct waiting_login {
    std::vector<std::string> chain;
    judge_callback done;
};

struct known_tenant {
    std::optional<core::steady_time> fetched_at; ///< last success
    core::steady_time retry_at{};
    std::optional<std::string> signature; ///< of the anchors, to see a change
    std::vector<waiting_login> waiting;
    bool fetching = false;
    bool troubled = false;
};

/// One look at all tenants.
struct round {
    explicit round(const asio::any_io_executor& executor) : done(executor) {}
    std::vector<std::string> left;
    std::size_t under_way = 0; ///< tasks that share it
    async::event done;         ///< none is left
};

std::string signature_of(const std::vector<trust_anchor>& anchors) {
    std::string text;
    for (const auto& one : anchors) {
        text += one.authority.fingerprint();
        text += one.enabled ? 'E' : 'D';
        text += one.auto_registration ? 'A' : '-';
        text += one.proven ? 'P' : '-';
        text += one.name + "\n";
    }
    return text;
}

} // namespace

struct platform_trust::state : std::enable_shared_from_this<platform_trust::state> {
    rest_factory as;
    std::unique_ptr<platform::service_credentials> who;
    const core::clock& clock;
    options limits;
    trust_store store;
    std::unordered_map<std::string, known_tenant> tenants;
    std::deque<std::string> to_load;
    std::size_t loading = 0;
    std::size_t waiting = 0;
    std::optional<core::steady_time> subscriptions_read_at;
    std::function<void(const core::tenant_id&)> listener;
    platform_trust_counters counters;
    asio::any_io_executor loop;
    async::event wake;
    bool first_round_done = false;
    async::task_group tasks;

    state(const asio::any_io_executor& executor, rest_factory factory,
          std::unique_ptr<platform::service_credentials> credentials, const core::clock& time, options with)
        : as(std::move(factory)), who(std::move(credentials)), clock(time), limits(with), loop(executor),
          wake(executor), tasks(executor, "trusted certificates") {}

    bool usable(const known_tenant& one) const {
        // Old is what should have been fetched again by now.
        const auto due = limits.refresh + limits.retry;
        return one.fetched_at && clock.now() - *one.fetched_at <= due + limits.stale_lifetime;
    }

    core::result<judged_chain> judge_now(const core::tenant_id& named, const std::vector<std::string>& chain) const {
        return judge_by(store, named, chain, clock.wall_ms() / 1000);
    }

    bool may_read_subscriptions() const {
        return who->can_refresh() && (!subscriptions_read_at || clock.now() - *subscriptions_read_at >= limits.retry);
    }

    void judge(const core::tenant_id& named, std::vector<std::string> chain, const judge_callback& done) {
        if (named.empty()) {
            auto answer = judge_now(named, chain);
            // Before all are known another tenant may trust the same authority, which makes it nobody's.
            if (!first_round_done && (answer || answer.error() == errc::not_trusted)) answer = errc::unavailable;
            return done(std::move(answer));
        }
        const auto known = tenants.find(named.value);
        if (known != tenants.end() && usable(known->second)) return done(judge_now(named, chain));
        if (who->find(named.value) == nullptr) {
            if (!may_read_subscriptions()) return done(who->complete() ? errc::no_service_user : errc::unavailable);
            subscriptions_read_at = clock.now(); // by the load that follows
        }
        auto& entry = tenants[named.value];
        if (!entry.fetching && clock.now() < entry.retry_at) return done(errc::unavailable);
        if (waiting >= limits.waiting_max) return done(errc::busy);
        ++waiting;
        entry.waiting.push_back({std::move(chain), done});
        if (entry.fetching || entry.waiting.size() > 1) return;
        to_load.push_back(named.value);
        load_next();
    }

    void load_next() {
        while (!to_load.empty() && loading < limits.concurrent_max) {
            ++loading;
            tasks.spawn("load", load(shared_from_this(), std::move(to_load.front())));
            to_load.pop_front();
        }
    }

    /// The first fetch of a tenant, for whose answer logins wait.
    static asio::awaitable<void> load(std::shared_ptr<state> self, std::string tenant) {
        if (self->who->find(tenant) == nullptr) (void)co_await self->who->refresh(); // what it brought is seen below
        co_await fetch(self, tenant);
        if (self->tasks.stopping()) co_return;
        --self->loading;
        self->load_next();
    }

    static asio::awaitable<void> fetch(std::shared_ptr<state> self, std::string tenant) {
        const auto* credentials = self->who->find(tenant);
        if (credentials == nullptr) {
            self->forget(tenant);
            co_return;
        }
        if (self->tenants[tenant].fetching) co_return;
        self->tenants[tenant].fetching = true;
        const auto over = self->as(*credentials);
        auto got = co_await fetch_trust(*over, core::tenant_id(tenant));
        if (self->tasks.stopping()) co_return;
        self->take(tenant, std::move(got));
    }

    void take(const std::string& tenant, fetched_trust got) {
        auto& entry = tenants[tenant];
        entry.fetching = false;
        bool changed = false;
        if (got.problem) {
            ++counters.failed;
            entry.retry_at = clock.now() + limits.retry;
            if (!entry.troubled)
                core::log::warn("trusted certificates cannot be fetched; the last known ones count",
                                {{"tenant", tenant}, {"why", *got.problem}});
        } else {
            ++counters.fetched;
            if (entry.troubled) core::log::info("trusted certificates can be fetched again", {{"tenant", tenant}});
            entry.fetched_at = clock.now();
            changed = replace(core::tenant_id(tenant), entry, std::move(got));
        }
        entry.troubled = got.problem.has_value();
        answer_waiting(core::tenant_id(tenant), entry);
        if (changed && listener) listener(core::tenant_id(tenant));
    }

    bool replace(const core::tenant_id& tenant, known_tenant& entry, fetched_trust got) {
        auto signature = signature_of(got.anchors);
        if (signature == entry.signature && got.revoked == store.revoked(tenant)) return false;
        for (const auto& one : got.unreadable)
            core::log::warn("a trusted certificate cannot be read and does not count",
                            {{"tenant", tenant.value}, {"certificate", one}});
        entry.signature = std::move(signature);
        store.set(tenant, std::move(got.anchors), std::move(got.revoked));
        ++counters.changed;
        core::log::info("trusted certificates fetched", {{"tenant", tenant.value},
                                                         {"anchors", store.anchors(tenant).size()},
                                                         {"revoked", store.revoked(tenant).size()}});
        return true;
    }

    void answer_waiting(const core::tenant_id& tenant, known_tenant& entry) {
        const bool there = usable(entry);
        const auto waited = std::move(entry.waiting);
        entry.waiting.clear();
        waiting -= waited.size();
        for (const auto& one : waited) {
            if (there)
                one.done(judge_now(tenant, one.chain));
            else
                one.done(errc::unavailable);
        }
    }

    /// We have no user in that tenant (any more).
    void forget(const std::string& tenant) {
        const auto known = tenants.find(tenant);
        if (known == tenants.end()) return;
        const auto waited = std::move(known->second.waiting);
        const bool held = known->second.fetched_at.has_value();
        tenants.erase(known);
        store.remove(core::tenant_id(tenant));
        waiting -= waited.size();
        for (const auto& one : waited) one.done(who->complete() ? errc::no_service_user : errc::unavailable);
        if (!held) return;
        core::log::info("the service user of a tenant is gone, and with it its trusted certificates",
                        {{"tenant", tenant}});
        ++counters.changed;
        if (listener) listener(core::tenant_id(tenant));
    }

    /// A few of these share a round: many tenants are not asked one after the other, nor all at once.
    static asio::awaitable<void> fetch_left(std::shared_ptr<state> self, std::shared_ptr<round> of) {
        while (!of->left.empty()) {
            auto tenant = std::move(of->left.back());
            of->left.pop_back();
            co_await fetch(self, std::move(tenant));
            if (self->tasks.stopping()) break;
        }
        if (--of->under_way == 0) of->done.notify();
    }

    static asio::awaitable<void> rounds(std::shared_ptr<state> self) {
        for (;;) {
            self->subscriptions_read_at = self->clock.now();
            const bool read = co_await self->who->refresh();
            if (self->tasks.stopping()) co_return;
            if (read) self->forget_vanished();
            const auto failed_before = self->counters.failed;
            const auto of = std::make_shared<round>(self->loop);
            of->left = self->who->tenants();
            of->under_way = std::min(self->limits.round_concurrent_max, of->left.size());
            for (auto n = of->under_way; n > 0; --n) self->tasks.spawn("round", fetch_left(self, of));
            while (of->under_way > 0 && !self->tasks.stopping()) co_await of->done.wait();
            if (self->tasks.stopping()) co_return;
            if (self->who->complete() && self->counters.failed == failed_before) self->first_round_done = true;
            const auto next = self->clock.now() + (read ? self->limits.refresh : self->limits.retry);
            (void)co_await self->wake.wait_until(next); // either way it is time for the next round
        }
    }

    void forget_vanished() {
        std::vector<std::string> vanished;
        for (const auto& [tenant, entry] : tenants)
            if (entry.fetched_at && !entry.fetching && who->find(tenant) == nullptr) vanished.push_back(tenant);
        for (const auto& tenant : vanished) forget(tenant);
    }
};

platform_trust::platform_trust(asio::any_io_executor executor, rest_factory as,
                               std::unique_ptr<platform::service_credentials> who, const core::clock& clock,
                               options with)
    : state_(std::make_shared<state>(executor, std::move(as), std::move(who), clock, with)) {}

platform_trust::~platform_trust() { state_->tasks.stop(); }

void platform_trust::start() { state_->tasks.spawn("rounds", state::rounds(state_)); }

asio::awaitable<void> platform_trust::stop() {
    const auto kept = state_;
    kept->tasks.stop();
    co_await kept->tasks.join();
}

void platform_trust::refresh() { state_->wake.notify(); }

void platform_trust::judge(core::tenant_id named, std::vector<std::string> chain, judge_callback done) {
    state_->judge(named, std::move(chain), done);
}

core::result<void> platform_trust::still_trusted(const core::tenant_id& tenant, const device_identity& device) const {
    return state_->store.still_trusted(tenant, device);
}

void platform_trust::on_change(std::function<void(const core::tenant_id&)> listener) {
    state_->listener = std::move(listener);
}

const platform_trust_counters& platform_trust::counters() const noexcept { return state_->counters; }
std::size_t platform_trust::tenants() const noexcept { return state_->tenants.size(); }
std::size_t platform_trust::anchors() const noexcept { return state_->store.anchors_count(); }

} // namespace auth
