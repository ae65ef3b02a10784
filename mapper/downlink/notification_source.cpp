#include "mapper/downlink/notification_source.hpp"

#include "common/core/log.hpp"
#include "mapper/api/answer.hpp"
#include "mapper/api/inventory.hpp"
#include "mapper/api/notification_subscriptions.hpp"

#include <utility>

namespace mapper::downlink {

using platform::send_until_decided;

namespace {

constexpr unsigned page_size = 1000;
constexpr std::size_t pages_max = 10'000;

notification2::consumer_options consumer_options_of(const source_options& from) {
    notification2::consumer_options made;
    made.url = from.url;
    if (made.url.starts_with("http")) made.url.replace(0, 4, "ws");
    while (made.url.ends_with('/')) made.url.pop_back();
    made.ca_file = from.ca_file;
    made.name = "notifications/" + from.tenant;
    return made;
}

} // namespace

notification_source::notification_source(asio::any_io_executor executor, platform::rest& via, operation_sink& to,
                                         source_options options)
    : via_(via), to_(to), options_(std::move(options)), tasks_(executor, "notifications"), changed_(executor),
      consumer_(executor, consumer_options_of(options_), *this) {}

notification_source::~notification_source() = default;

void notification_source::want(std::vector<std::string> device_types) {
    for (auto& type : device_types)
        if (types_.insert(type).second) new_types_.push_back(std::move(type));
    if (types_.empty()) return;
    changed_.notify();
    if (std::exchange(started_, true)) return;
    tasks_.spawn("subscribe", run());
}

void notification_source::add_device(const std::string& id) {
    if (!per_device_) return;
    new_devices_.push_back(id);
    changed_.notify();
}

std::string notification_source::trouble() const {
    if (!started_) return {};
    if (!problem_.empty()) return problem_;
    if (!subscribed_) return "subscribing to operations";
    return consumer_.connected() ? std::string() : consumer_.last_error();
}

asio::awaitable<void> notification_source::stop() {
    tasks_.stop();
    co_await tasks_.join();
    co_await consumer_.stop();
}

asio::awaitable<void> notification_source::run() {
    auto request = api::subscribe_tenant_operations(options_.subscription);
    const auto got = co_await send_until_decided(via_, std::move(request), nullptr, options_.delays);
    per_device_ = !got.ok() && got.status != 409;
    if (per_device_)
        core::log::info("operations are subscribed device by device",
                        {{"tenant", options_.tenant}, {"why", got.problem.text()}});
    if (per_device_) co_await subscribe_types();
    subscribed_ = true;
    consumer_.start();
    while (per_device_) {
        co_await changed_.wait();
        co_await subscribe_types();
        auto devices = std::exchange(new_devices_, {});
        for (auto& id : devices) co_await subscribe_device(std::move(id));
    }
}

asio::awaitable<void> notification_source::subscribe_types() {
    while (!new_types_.empty()) {
        auto type = std::move(new_types_.back());
        new_types_.pop_back();
        co_await subscribe_type(std::move(type));
    }
}

asio::awaitable<void> notification_source::subscribe_type(std::string type) {
    for (unsigned page = 1; page <= pages_max; ++page) {
        auto question = api::list_devices(type, page, page_size);
        const auto got = co_await send_until_decided(via_, std::move(question), nullptr, options_.delays);
        if (!got.ok()) {
            problem_ = "devices cannot be listed: " + got.problem.text();
            co_return;
        }
        const auto devices = api::items_of(got.body, "managedObjects");
        for (const auto& one : devices) {
            auto id = api::id_of(one);
            co_await subscribe_device(std::move(id));
        }
        if (devices.size() < page_size) co_return;
    }
}

asio::awaitable<void> notification_source::subscribe_device(std::string id) {
    auto request = api::subscribe_device_operations(options_.subscription, id);
    const auto got = co_await send_until_decided(via_, std::move(request), nullptr, options_.delays);
    if (got.ok() || got.status == 409)
        problem_.clear();
    else if (got.status != 404)
        problem_ = "operations cannot be subscribed: " + got.problem.text();
}

asio::awaitable<std::string> notification_source::token() {
    auto request = api::create_token(options_.subscription, options_.subscriber, options_.token_minutes);
    const auto got = co_await via_.send(std::move(request));
    problem_ = got.ok() ? std::string() : "no token: " + got.problem.text();
    co_return got.ok() ? api::token_of(got.body) : std::string();
}

void notification_source::on_notification(const notification2::notification& what, std::uint64_t connection) {
    auto acknowledge = [this, connection, header = std::string(what.ack_header)] {
        consumer_.acknowledge(connection, header);
    };
    if (notification2::parse_description(what.description).api != "operations") {
        acknowledge();
        return;
    }
    to_.on_operation(std::string(what.action), std::string(what.body), std::move(acknowledge));
}

} // namespace mapper::downlink
