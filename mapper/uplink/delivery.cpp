#include "mapper/uplink/delivery.hpp"

#include "mapper/api/alarms.hpp"
#include "mapper/api/events.hpp"
#include "mapper/api/inventory.hpp"
#include "mapper/api/measurements.hpp"

#include <algorithm>

namespace mapper::uplink {

using platform::send_until_decided;
using transform::output_kind;

namespace {

constexpr std::size_t cleared_max = 100'000;

std::string alarm_key(const std::string& device, const std::string& type) { return device + '\0' + type; }

} // namespace

delivery::delivery(asio::any_io_executor executor, platform::rest& via, identity_resolver& who, const core::clock& time,
                   tenant_meters& count, delivery_sink& sink, delivery_options options)
    : executor_(executor), via_(via), who_(who), clock_(time), count_(count), sink_(sink), options_(options),
      tasks_(executor, "delivery"), linger_(executor) {
    who_.observe(this);
}

delivery::~delivery() { who_.observe(nullptr); }

void delivery::add(const transform::device_reference& device, part what) {
    auto key = identity_resolver::key_of(device.type, device.external_id);
    auto found = lanes_.find(key);
    if (found == lanes_.end()) {
        auto made = std::make_unique<lane>();
        made->key = key;
        made->device = device;
        found = lanes_.emplace(std::move(key), std::move(made)).first;
    }
    auto& one = *found->second;
    one.waiting.push_back(std::move(what));
    if (one.waiting.size() == 1 && !one.busy)
        resolve(one);
    else if (one.listed)
        ++ready_parts_;
    else if (device.create && !one.device.create)
        one.device = device;
}

/// Precondition: something waits, no request is on its way.
void delivery::resolve(lane& one) {
    if (const auto* id = who_.known(one.key); id != nullptr) {
        one.id = *id;
        make_ready(one);
        return;
    }
    one.id.clear();
    who_.resolve(one.device, [this, key = one.key](const resolution& what) { on_resolved(key, what); });
}

void delivery::on_resolved(const std::string& key, const resolution& what) {
    const auto found = lanes_.find(key);
    if (found == lanes_.end() || stopped_) return;
    auto& one = *found->second;
    if (what.what == resolution::outcome::known) {
        one.id = what.id;
        make_ready(one);
        pump();
        return;
    }
    const auto refused = std::move(one.waiting);
    lanes_.erase(found);
    for (const auto& each : refused) sink_.on_refused(each, what.problem, what.what == resolution::outcome::unknown);
}

void delivery::make_ready(lane& one) {
    one.listed = true;
    ready_.push_back(&one);
    ready_parts_ += one.waiting.size();
}

/// The lane at the front of the line leaves it.
void delivery::take_ready(lane& one) {
    ready_.pop_front();
    one.listed = false;
    ready_parts_ -= one.waiting.size();
}

void delivery::settle_or_drop(lane& one) {
    if (one.waiting.empty()) {
        lanes_.erase(std::string(one.key));
        return;
    }
    resolve(one);
}

/// True when the part in front was the clearing of an alarm that is known to be cleared.
bool delivery::skip_cleared(lane& one) {
    const auto& first = one.waiting.front();
    if (first.kind != output_kind::alarm_clear) return false;
    const auto found = cleared_.find(alarm_key(one.key, first.alarm_type));
    if (found == cleared_.end()) return false;
    if (clock_.now() - found->second > options_.cleared_for) {
        cleared_.erase(found);
        return false;
    }
    auto* of = first.of;
    one.waiting.pop_front();
    sink_.on_accepted(*of);
    return true;
}

/// The next request from the front of the line; null when there is none.
std::unique_ptr<delivery::batch> delivery::gather() {
    auto made = std::make_unique<batch>();
    std::size_t bytes = 0;
    while (!ready_.empty()) {
        auto& one = *ready_.front();
        take_ready(one);
        while (!one.waiting.empty() && skip_cleared(one)) {
        }
        if (one.waiting.empty()) {
            settle_or_drop(one);
            continue;
        }
        const bool single = one.waiting.front().kind != output_kind::measurement;
        if (single && !made->parts.empty()) { // it is the next request's
            one.listed = true;
            ready_.push_front(&one);
            ready_parts_ += one.waiting.size();
            break;
        }
        one.busy = true;
        made->lanes.push_back(&one);
        while (!one.waiting.empty()) {
            auto& next = one.waiting.front();
            if (!single && next.kind != output_kind::measurement) break;
            if (!made->parts.empty() && (made->parts.size() >= options_.collection_count_max ||
                                         bytes + next.body.size() > options_.collection_bytes_max))
                break;
            bytes += next.body.size();
            made->parts.push_back({&one, std::move(next)});
            one.waiting.pop_front();
            if (single) return made;
        }
        if (made->parts.size() >= options_.collection_count_max || bytes >= options_.collection_bytes_max ||
            (!one.waiting.empty() && one.waiting.front().kind == output_kind::measurement))
            break;
    }
    if (made->parts.empty()) return nullptr;
    return made;
}

bool delivery::worth_waiting() const {
    return !lingered_ && requests_ >= options_.eager_requests && ready_parts_ < options_.collection_count_max &&
           ready_.front()->waiting.front().kind == output_kind::measurement;
}

void delivery::wait_for_company() {
    if (lingering_) return;
    lingering_ = true;
    linger_.expires_after(options_.linger);
    linger_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        lingering_ = false;
        lingered_ = true;
        pump();
        lingered_ = false;
    });
}

void delivery::pump() {
    while (!stopped_ && requests_ < options_.requests_max && !ready_.empty()) {
        if (worth_waiting()) {
            wait_for_company();
            return;
        }
        std::shared_ptr<batch> work = gather();
        if (!work) return;
        ++requests_;
        tasks_.spawn("request", run(std::move(work)));
    }
}

asio::awaitable<void> delivery::run(std::shared_ptr<batch> work) {
    const bool single = work->parts.front().what.kind != output_kind::measurement;
    if (single)
        co_await send_single(work);
    else
        co_await send_collection(work);
    if (stopped_) co_return; // what was not decided stays unacknowledged
    finish(*work);
    pump();
}

/// Depth first from the left, so that a device's readings keep their order.
asio::awaitable<void> delivery::send_collection(std::shared_ptr<batch> work) {
    std::vector<std::pair<std::size_t, std::size_t>> ranges;
    ranges.emplace_back(0, work->parts.size());
    while (!ranges.empty()) {
        const auto [begin, end] = ranges.back();
        ranges.pop_back();
        api::measurement_collection body;
        for (auto i = begin; i < end; ++i) body.append(work->parts[i].what.body, work->parts[i].from->id);
        auto request = std::move(body).create();
        const auto got = co_await send_until_decided(via_, std::move(request), this, options_.delays);
        if (stopped_) co_return;
        if (got.ok() || end - begin == 1) {
            for (auto i = begin; i < end; ++i) decide(*work, work->parts[i], got);
            continue;
        }
        const auto middle = begin + (end - begin) / 2;
        ranges.emplace_back(middle, end);
        ranges.emplace_back(begin, middle);
    }
}

asio::awaitable<void> delivery::send_single(std::shared_ptr<batch> work) {
    auto& one = work->parts.front();
    const auto& id = one.from->id;
    platform::reply got;
    if (one.what.kind == output_kind::alarm_clear) {
        got = co_await clear_alarms(id, one.what.alarm_type);
        if (got.ok()) {
            if (cleared_.size() >= cleared_max) cleared_.clear();
            cleared_[alarm_key(one.from->key, one.what.alarm_type)] = clock_.now();
        }
    } else {
        if (one.what.kind == output_kind::alarm) cleared_.erase(alarm_key(one.from->key, one.what.alarm_type));
        platform::call request;
        if (one.what.kind == output_kind::event)
            request = api::create_event(one.what.body, id);
        else if (one.what.kind == output_kind::alarm)
            request = api::create_alarm(one.what.body, id);
        else
            request = api::update_managed_object(id, one.what.body);
        got = co_await send_until_decided(via_, std::move(request), this, options_.delays);
    }
    if (!stopped_) decide(*work, one, got);
}

asio::awaitable<platform::reply> delivery::clear_alarms(std::string id, std::string type) {
    auto question = api::find_alarms(id, type);
    auto got = co_await send_until_decided(via_, std::move(question), this, options_.delays);
    if (!got.ok()) co_return got;
    const auto found = api::alarm_ids(got.body);
    for (const auto& alarm : found) {
        auto request = api::clear_alarm(alarm);
        auto cleared = co_await send_until_decided(via_, std::move(request), this, options_.delays);
        if (!cleared.ok() && cleared.status != 404) co_return cleared;
    }
    co_return got;
}

void delivery::decide(batch& work, taken& one, const platform::reply& got) {
    if (got.ok()) {
        sink_.on_accepted(*one.what.of);
        return;
    }
    const bool perhaps_gone = got.status == 404 || got.status == 422;
    if (perhaps_gone && !one.what.resolved_again && who_.age(one.from->key) > options_.trust_identity) {
        one.what.resolved_again = true;
        work.again.push_back({one.from, std::move(one.what)});
        return;
    }
    sink_.on_refused(one.what, got.problem, false);
}

void delivery::finish(batch& work) {
    for (auto it = work.again.rbegin(); it != work.again.rend(); ++it) {
        who_.forget(it->from->key);
        it->from->waiting.push_front(std::move(it->what));
    }
    for (auto* one : work.lanes) {
        one->busy = false;
        settle_or_drop(*one);
    }
    --requests_;
}

void delivery::on_retry(const platform::platform_error& why) {
    count_.retries.add();
    if (trouble_.empty()) trouble_since_ = clock_.now();
    trouble_ = why.text();
}

void delivery::on_decided() { trouble_.clear(); }

std::chrono::milliseconds delivery::trouble_lasts() const {
    if (trouble_.empty()) return std::chrono::milliseconds(0);
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - trouble_since_);
}

asio::awaitable<void> delivery::stop() {
    stopped_ = true;
    linger_.cancel();
    tasks_.stop();
    co_await tasks_.join();
}

} // namespace mapper::uplink
