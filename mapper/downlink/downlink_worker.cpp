#include "mapper/downlink/downlink_worker.hpp"

#include "common/core/log.hpp"
#include "common/record/device_topics.hpp"
#include "mapper/api/answer.hpp"
#include "mapper/api/operations.hpp"

#include <functional>

namespace mapper::downlink {

using platform::send_until_decided;

namespace {

constexpr unsigned page_size = 500;
constexpr unsigned pages_max = 10'000;
constexpr std::chrono::seconds log_every{10};

bool is_final(std::string_view status) { return status == "SUCCESSFUL" || status == "FAILED"; }

/// Something ends the operation later: an answer or a time-out.
bool is_awaited(const mapping::downlink_rule& rule) {
    return !is_final(rule.status_on_publish) && (rule.response || rule.timeout.count() > 0);
}

/// One answer of a callback, for a coroutine to wait for.
template <class Answer> struct promised {
    explicit promised(asio::any_io_executor executor) : happened(std::move(executor)) {}
    async::event happened;
    Answer answer{};
};

} // namespace

downlink_worker::downlink_worker(asio::any_io_executor executor, std::string tenant, messaging_doors doors,
                                 platform::rest& via, const core::clock& time, tenant_meters& count,
                                 source_options source)
    : executor_(executor), tenant_(std::move(tenant)), doors_(std::move(doors)), via_(via), clock_(time), count_(count),
      delays_(source.delays), tasks_(executor, "downlink"), devices_(via, time, source.delays), open_(doors_.put),
      source_(executor, via, *this, std::move(source)) {}

downlink_worker::~downlink_worker() = default;

void downlink_worker::restore(std::string_view value) {
    auto read = from_state(value);
    if (read)
        open_.restore(std::move(*read));
    else
        core::log::error("an open operation could not be read from the state", {{"tenant", tenant_}});
}

void downlink_worker::use(std::shared_ptr<const mapping::mapping_set> mappings) {
    mappings_ = std::move(mappings);
    if (begun_) listen();
}

void downlink_worker::begin() {
    begun_ = true;
    count_.open_operations.set(static_cast<std::int64_t>(open_.size()));
    if (mappings_) listen();
}

void downlink_worker::listen() {
    std::vector<std::string> types;
    for (const auto* one : mappings_->outbound()) types.push_back(one->downlink->device_type);
    source_.want(std::move(types));
}

asio::awaitable<void> downlink_worker::stop() {
    co_await source_.stop();
    tasks_.stop();
    co_await tasks_.join();
}

// --- what comes

void downlink_worker::on_connected() { tasks_.spawn("pending", list_pending()); }

void downlink_worker::on_operation(std::string action, std::string json, std::function<void()> acknowledge) {
    auto id = api::text_at(json, "/id");
    if (action == "CREATE" && !id.empty()) {
        job made;
        made.device = api::text_at(json, "/deviceId");
        made.id = std::move(id);
        made.json = std::move(json);
        made.done = std::move(acknowledge);
        enqueue(std::move(made));
        return;
    }
    // Ended or removed by somebody else: nothing is awaited any more.
    const auto known = open_.find(id);
    if (known && !known->ending && (action == "DELETE" || is_final(api::text_at(json, "/status")))) open_.forget(id);
    count_.open_operations.set(static_cast<std::int64_t>(open_.size()));
    acknowledge();
}

asio::awaitable<void> downlink_worker::list_pending() {
    const auto mappings = mappings_;
    for (const auto* one : mappings->outbound()) {
        const auto& rule = *one->downlink;
        if (rule.status_on_publish.empty() && !is_awaited(rule))
            continue; // it would stay PENDING and come again for ever
        for (unsigned page = 1; page <= pages_max; ++page) {
            auto question = api::list_operations("PENDING", rule.operation, page, page_size);
            const auto got = co_await send_until_decided(via_, std::move(question), nullptr, delays_);
            if (!got.ok()) {
                core::log::error("pending operations cannot be listed",
                                 {{"tenant", tenant_}, {"why", got.problem.text()}});
                co_return;
            }
            auto found = api::items_of(got.body, "operations");
            for (auto& json : found) {
                job made;
                made.id = api::text_at(json, "/id");
                made.device = api::text_at(json, "/deviceId");
                made.json = std::move(json);
                enqueue(std::move(made));
            }
            if (found.size() < page_size) break;
        }
    }
}

bool downlink_worker::on_response(const mapping::mapping& of, const transform::inbound_message& message,
                                  std::function<void()> done) {
    const auto waiting = open_.waiting_for(of.name);
    if (waiting.empty()) return false;
    std::vector<const transform::open_operation*> candidates;
    for (const auto& one : waiting) candidates.push_back(&one->open);
    const auto update = transform_.answer(of, message, candidates);
    if (!update) {
        if (transform_.failed() && clock_.now() >= next_log_) {
            next_log_ = clock_.now() + log_every;
            core::log::warn("an answer could not be read", {{"tenant", tenant_}, {"why", transform_.error().text()}});
        }
        return false;
    }
    enqueue_end(open_.find(update->operation_id), update->body, is_final(update->status), std::move(done));
    return true;
}

void downlink_worker::tick() {
    for (const auto& one : open_.expired(clock_.wall_ms())) {
        count_.operations_timed_out.add();
        core::log::info("operation timed out",
                        {{"tenant", tenant_}, {"operation", one->open.id}, {"mapping", one->mapping}});
        enqueue_end(one, transform::status_body(one->timeout_status, one->timeout_reason), true, [] {});
    }
}

// --- lanes: one device is always in the same

void downlink_worker::enqueue_end(const std::shared_ptr<operation>& of, std::string body, bool last,
                                  std::function<void()> done) {
    of->ending = last;
    job made;
    made.id = of->open.id;
    made.device = of->open.device.id;
    made.of = of;
    made.body = std::move(body);
    made.last = last;
    made.done = std::move(done);
    enqueue(std::move(made));
}

void downlink_worker::enqueue(job what) {
    auto& on = lanes_[std::hash<std::string>{}(what.device) % lanes_.size()];
    on.jobs.push_back(std::move(what));
    if (on.running) return;
    on.running = tasks_.spawn("lane", run(on));
}

asio::awaitable<void> downlink_worker::run(lane& on) {
    while (!on.jobs.empty()) {
        job next = std::move(on.jobs.front());
        on.jobs.pop_front();
        auto done = next.done;
        if (next.of)
            co_await tell(std::move(next));
        else
            co_await publish_operation(std::move(next));
        if (tasks_.stopping()) co_return;
        if (done) done();
        count_.open_operations.set(static_cast<std::int64_t>(open_.size()));
    }
    on.running = false;
}

asio::awaitable<void> downlink_worker::tell(job what) {
    const bool told = co_await update(what.id, what.body);
    if (tasks_.stopping()) co_return;
    if (!what.last) co_return;
    if (told) count_.operations_ended.add();
    open_.forget(what.id);
}

/// The first mapping that applies decides.
downlink_worker::prepared downlink_worker::prepare(const std::string& json, const transform::device_context& device) {
    prepared made;
    for (const auto* one : mappings_->outbound()) {
        if (!transform_.applies(*one, json, device)) continue;
        made.by = one;
        if (!transform_.publish(*one, json, device, clock_.wall_ms(), made.message))
            made.refusal = transform_.error().text();
        break;
    }
    return made;
}

asio::awaitable<void> downlink_worker::publish_operation(job what) {
    const auto known = open_.find(what.id);
    if (known && (known->published || known->ending)) co_return; // told twice
    // What comes again after a reconnect or restart shows the operation as it was; ask how it is.
    auto question = api::get_operation(what.id);
    const auto now = co_await send_until_decided(via_, std::move(question), nullptr, delays_);
    if (!now.ok() || api::text_at(now.body, "/status") != "PENDING") co_return;
    const auto device = co_await devices_.ask(what.device);
    if (!device.found || tasks_.stopping()) co_return;
    const auto keeps_mappings = mappings_;
    auto made = prepare(now.body, device.device);
    if (made.by == nullptr) co_return;
    if (!made.refusal.empty()) {
        co_await fail(what.id, made.refusal);
        co_return;
    }
    const auto& rule = *made.by->downlink;
    auto one = std::make_shared<operation>();
    one->open.id = what.id;
    one->open.json = now.body;
    one->open.device = device.device;
    one->mapping = made.by->name;
    one->timeout_status = rule.timeout_status;
    one->timeout_reason = rule.timeout_reason;
    if (rule.timeout.count() > 0) one->expires_ms = clock_.wall_ms() + rule.timeout.count();
    const bool kept = co_await keep(one);
    if (!kept)
        core::log::error("an open operation was not kept; a restart would forget it",
                         {{"tenant", tenant_}, {"operation", what.id}});
    const auto why = co_await send(std::move(made.message));
    if (tasks_.stopping()) co_return;
    if (why != msg_link::reason::ok && why != msg_link::reason::no_subscribers) {
        open_.forget(what.id);
        co_await fail(what.id, "the command could not be published: " + std::string(msg_link::text(why)));
        co_return;
    }
    count_.operations_published.add();
    one->published = true;
    co_await after_publish(one, rule.status_on_publish, is_awaited(rule));
}

asio::awaitable<void> downlink_worker::after_publish(std::shared_ptr<operation> one, std::string status, bool awaited) {
    if (!status.empty()) {
        auto body = transform::status_body(status);
        (void)co_await update(one->open.id, std::move(body));
    } else if (awaited && !one->ending) {
        (void)co_await keep(one); // the platform does not say that it was published, so the state must
    }
    if (!awaited && !tasks_.stopping()) open_.forget(one->open.id);
}

// --- messaging and platform as awaitables

asio::awaitable<bool> downlink_worker::keep(std::shared_ptr<operation> one) {
    auto waiting = std::make_shared<promised<bool>>(executor_);
    open_.keep(std::move(one), [waiting](bool ok) {
        waiting->answer = ok;
        waiting->happened.notify();
    });
    co_await waiting->happened.wait();
    co_return waiting->answer;
}

asio::awaitable<msg_link::reason> downlink_worker::send(transform::publish_request message) {
    auto waiting = std::make_shared<promised<msg_link::reason>>(executor_);
    record::fields fields;
    fields.qos = 1; // what applications publish counts as QoS 1
    fields.authenticated_by = record::authentication::application;
    fields.arrival_ms = clock_.wall_ms();
    // To every client that subscribed to the topic, whether the tenant keeps its devices apart or not (ref A.11).
    fields.topic = message.topic;
    fields.key = message.topic;
    fields.payload = message.payload;
    doors_.publish(std::string(record::to_device), fields, [waiting](msg_link::reason why) {
        waiting->answer = why;
        waiting->happened.notify();
    });
    co_await waiting->happened.wait();
    co_return waiting->answer;
}

asio::awaitable<bool> downlink_worker::update(std::string id, std::string body) {
    auto request = api::update_operation(id, std::move(body));
    const auto got = co_await send_until_decided(via_, std::move(request), nullptr, delays_);
    if (!got.ok() && !tasks_.stopping())
        core::log::warn("the platform refused an operation's status",
                        {{"tenant", tenant_}, {"operation", id}, {"why", got.problem.text()}});
    co_return got.ok();
}

asio::awaitable<void> downlink_worker::fail(std::string id, std::string reason) {
    auto body = transform::status_body("FAILED", reason);
    (void)co_await update(std::move(id), std::move(body));
}

} // namespace mapper::downlink
