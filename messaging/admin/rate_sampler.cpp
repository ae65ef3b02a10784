#include "messaging/admin/rate_sampler.hpp"

namespace messaging::admin {

namespace {

float rate(std::uint64_t now, std::uint64_t before, std::uint32_t seconds) noexcept {
    return now < before ? 0.0F : static_cast<float>(now - before) / static_cast<float>(seconds);
}

void sample(topic::topic& one, std::uint32_t now_s) noexcept {
    auto& rates = one.rates;
    if (rates.sampled_s != 0 && now_s < rates.sampled_s + rate_sampler::interval_s) return;
    if (rates.sampled_s != 0) {
        rates.in = rate(one.messages_in, rates.in_before, now_s - rates.sampled_s);
        rates.out = rate(one.messages_out, rates.out_before, now_s - rates.sampled_s);
    }
    rates.in_before = one.messages_in;
    rates.out_before = one.messages_out;
    rates.sampled_s = now_s;
}

void sample(topic::subscription& one, std::uint32_t now_s) noexcept {
    auto& rates = one.rates;
    if (rates.sampled_s != 0 && now_s < rates.sampled_s + rate_sampler::interval_s) return;
    if (rates.sampled_s != 0) rates.acknowledged = rate(one.acknowledged_count, rates.before, now_s - rates.sampled_s);
    rates.before = one.acknowledged_count;
    rates.sampled_s = now_s;
}

/// The next buckets of a hash table; false when it is done. A table that grows meanwhile has a few sampled later.
template <class Table, class Visit>
bool walk(Table& table, std::size_t& bucket, std::size_t& looks, std::size_t budget, Visit visit) {
    for (; bucket < table.bucket_count(); ++bucket) {
        if (looks >= budget) return true;
        ++looks;
        for (auto it = table.begin(bucket); it != table.end(bucket); ++it) visit(*it->second);
    }
    bucket = 0;
    return false;
}

} // namespace

rate_sampler::rate_sampler(topic::hub& of, const core::clock& time) : hub_(of), clock_(time), begun_(time.now()) {}

std::uint32_t rate_sampler::now_s() const noexcept {
    return 1 +
           static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - begun_).count());
}

void rate_sampler::tick() {
    const auto now = now_s();
    const auto& all = hub_.tenants();
    std::size_t looks = 0;
    auto at = all.lower_bound(tenant_);
    while (looks < looks_per_tick && at != all.end()) {
        if (at->first != tenant_) { // a new tenant: from its beginning
            tenant_ = at->first;
            space_.clear();
            bucket_ = 0;
            in_topics_ = true;
        }
        looks += 1 + sample_tenant(*at->second, now, looks_per_tick - looks);
        if (looks >= looks_per_tick) return;
        ++at;
    }
    if (at == all.end()) {
        tenant_.clear();
        space_.clear();
        bucket_ = 0;
        in_topics_ = true;
    }
}

std::size_t rate_sampler::sample_tenant(topic::tenant& one, std::uint32_t now_s, std::size_t budget) {
    std::size_t looks = 0;
    if (in_topics_) {
        for (auto space = one.spaces.lower_bound(space_); space != one.spaces.end(); ++space) {
            if (space->first != space_) {
                space_ = space->first;
                bucket_ = 0;
            }
            if (walk(space->second.topics, bucket_, looks, budget, [&](topic::topic& of) { sample(of, now_s); }))
                return looks;
        }
        in_topics_ = false;
        bucket_ = 0;
    }
    (void)walk(one.subscriptions, bucket_, looks, budget, [&](topic::subscription& of) { sample(of, now_s); });
    return looks;
}

} // namespace messaging::admin
