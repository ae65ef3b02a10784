// Our messaging by its link. Every subscription is durable and takes all topics; with nobody to consume it keeps them.
#include "tests/bench/store/link_login.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <vector>

namespace bench::store {
namespace {

namespace asio = boost::asio;

class link final : public target, private msg_link::link_handler {
  public:
    explicit link(const options& with)
        : options_(with), client_(io_.get_executor(), link_options_for(with.port, with.secret_file), *this) {}
    ~link() override {
        for (std::uint32_t i = 0; i < streams_.size(); ++i) client_.send_stream_close(i + 1, false); // for the next one
        bool stopped = false;
        asio::co_spawn(io_, client_.stop(std::chrono::seconds(2)), [&](std::exception_ptr) { stopped = true; });
        while (!stopped && io_.run_one() > 0) {
        }
    }

    void open(listener& to, bool consume) override {
        listener_ = &to;
        consume_ = consume;
        client_.start();
        wait_until([this] { return client_.up(); }, "the link to come up");
        streams_.resize(options_.subscriptions);
        for (std::uint32_t i = 0; i < options_.subscriptions; ++i) {
            msg_link::subscribe frame;
            frame.stream = i + 1;
            frame.durability = msg_link::durability::durable;
            frame.tenant = options_.tenant;
            frame.name_space = "mqtt";
            const auto name = fmt::format("bench{}", i);
            frame.name = name;
            client_.send_subscribe(frame);
            client_.send_filter_add({i + 1, i + 1, 2, "bench/#"});
            if (consume) grant(i);
        }
        wait_until([this] { return filters_ == options_.subscriptions; }, "the subscriptions");
        for (std::uint32_t i = 0; i < options_.topics; ++i) names_.push_back(fmt::format("bench/{}", i));
        numbers_.resize(options_.topics);
    }
    void publish(std::uint32_t topic, std::string_view payload) override {
        auto& number = numbers_[topic];
        if (number == 0) number = client_.topic_number(options_.tenant, "mqtt", names_[topic]);
        record::fields fields;
        fields.qos = 1;
        fields.authenticated_by = record::authentication::basic;
        fields.client_id = "bench";
        fields.key_is_client_id = true;
        fields.user = "bench";
        fields.payload = payload;
        client_.send_publish(number, 0, fields);
    }
    void turn(bool wait) override {
        if (wait) io_.run_one_for(std::chrono::milliseconds(100));
        io_.poll();
        if (!failure_.empty()) throw problem(failure_);
    }

  private:
    struct stream {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        std::uint64_t messages = 0;
        std::uint64_t bytes = 0;
        std::uint64_t granted = 0;
    };
    static constexpr std::uint64_t credit_messages = 20'000;
    static constexpr std::uint64_t credit_bytes = 16u << 20;

    template <class Condition> void wait_until(Condition met, const char* what) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
        while (!met()) {
            if (std::chrono::steady_clock::now() > deadline) throw problem(fmt::format("waited in vain for {}", what));
            turn(true);
        }
    }
    void grant(std::uint32_t index) {
        auto& one = streams_[index];
        one.granted = one.messages + credit_messages;
        client_.send_credit(index + 1, one.granted, one.bytes + credit_bytes);
    }

    void on_up(bool) override {
        if (!streams_.empty()) failure_ = "the link was lost";
    }
    void on_down() override {}
    void on_resume(msg_link::resume_list&) override {}
    void on_settled(std::uint64_t up_to, const std::vector<msg_link::run>& runs) override {
        for (const auto& run : runs)
            if (run.why != msg_link::reason::ok)
                failure_ = fmt::format("a publish was refused: {}", msg_link::text(run.why));
        listener_->on_acknowledged(up_to - settled_);
        settled_ = up_to;
    }
    void on_claimed(const msg_link::claimed&) override {}
    void on_evicted(std::uint64_t, msg_link::reason) override {}
    void on_subscribed(const msg_link::stream_answer& answer) override {
        if (answer.why != msg_link::reason::ok) failure_ = "a subscription was refused: " + std::string(answer.message);
    }
    void on_filter_done(const msg_link::stream_answer& answer) override {
        if (answer.why != msg_link::reason::ok) failure_ = "a filter was refused: " + std::string(answer.message);
        ++filters_;
    }
    void on_stream_ended(const msg_link::stream_answer& answer) override {
        failure_ = "a subscription ended: " + std::string(answer.message);
    }
    void on_deliver(const msg_link::deliver& frame, const msg_link::topic_name&) override {
        const auto fields = record::parse(frame.record);
        if (!fields) {
            failure_ = "a record of unknown form";
            return;
        }
        for (std::size_t i = 0; i < frame.streams.size(); ++i) {
            auto& one = streams_[(frame.streams[i] & ~msg_link::must_acknowledge) - 1];
            if (one.first == 0) one.first = frame.position;
            one.last = frame.position;
            ++one.messages;
            one.bytes += frame.record.size();
            listener_->on_delivered(fields->payload);
        }
    }
    void on_state(const msg_link::state&) override {}
    void on_batch_done() override {
        for (std::uint32_t i = 0; i < streams_.size(); ++i) {
            auto& one = streams_[i];
            if (one.first == 0) continue;
            const std::uint64_t range[2] = {one.first, one.last}; // delivered in order, so all between are ours
            client_.send_acknowledge(i + 1, range);
            one.first = 0;
            if (one.granted - one.messages < credit_messages / 2) grant(i);
        }
    }

    const options& options_;
    asio::io_context io_{1};
    msg_link::link_client client_;
    listener* listener_ = nullptr;
    bool consume_ = false;
    std::string failure_;
    std::uint32_t filters_ = 0;
    std::uint64_t settled_ = 0;
    std::vector<stream> streams_;
    std::vector<std::string> names_;
    std::vector<std::uint32_t> numbers_;
};

} // namespace

std::unique_ptr<target> make_link(const options& with) { return std::make_unique<link>(with); }

} // namespace bench::store
