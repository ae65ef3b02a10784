#include "tests/property/messaging/memory_network.hpp"

#include "common/async/event.hpp"

#include <boost/asio/error.hpp>

#include <array>
#include <deque>

namespace property {

struct memory_network::wire {
    struct direction {
        explicit direction(const asio::any_io_executor& executor) : changed(executor) {}
        std::deque<std::string> on_the_way;
        std::deque<std::string> arrived;
        async::event changed;
    };
    explicit wire(const asio::any_io_executor& on) : to_server(on), to_client(on), executor(on) {}
    void end() {
        over = true;
        for (auto* one : {&to_server, &to_client}) {
            one->on_the_way.clear();
            one->changed.notify();
        }
    }

    direction to_server;
    direction to_client;
    asio::any_io_executor executor;
    bool over = false;
    std::uint16_t close_code = 0;
    std::string close_reason;
};

class memory_network::end final : public net::websocket {
  public:
    end(std::shared_ptr<wire> of, bool server) : wire_(std::move(of)), server_(server) {}
    ~end() override { wire_->end(); }

    asio::awaitable<core::result<std::size_t>> read(std::string& into) override {
        auto held = wire_;
        auto& from = server_ ? held->to_server : held->to_client;
        while (from.arrived.empty() && !held->over) co_await from.changed.wait();
        if (from.arrived.empty()) co_return core::error_code(asio::error::connection_reset);
        into = std::move(from.arrived.front());
        from.arrived.pop_front();
        co_return into.size();
    }
    bool last_was_text() const noexcept override { return false; }
    asio::awaitable<core::error_code> write(core::byte_span message, bool) override {
        if (wire_->over) co_return core::error_code(asio::error::broken_pipe);
        (server_ ? wire_->to_client : wire_->to_server).on_the_way.emplace_back(core::as_text(message));
        co_return core::error_code{};
    }
    bool put(core::byte_span, bool) override { return false; }
    asio::awaitable<core::error_code> drained() override { co_return core::error_code(asio::error::broken_pipe); }
    asio::awaitable<core::error_code> close(std::uint16_t code, std::string_view reason) override {
        wire_->close_code = code;
        wire_->close_reason = reason;
        wire_->end();
        co_return core::error_code{};
    }
    void abort() noexcept override { wire_->end(); }
    std::string remote_address() const override { return "memory"; }
    asio::any_io_executor executor() override { return wire_->executor; }
    std::uint16_t close_code() const noexcept override { return wire_->close_code; }
    std::string close_reason() const override { return wire_->close_reason; }

  private:
    std::shared_ptr<wire> wire_;
    bool server_;
};

asio::awaitable<core::result<std::unique_ptr<net::websocket>>> memory_network::connect() {
    if (down_) co_return core::error_code(asio::error::connection_refused);
    const auto made = std::make_shared<wire>(executor_);
    wires_.push_back(made);
    ++made_;
    accept_(std::make_unique<end>(made, true));
    co_return std::unique_ptr<net::websocket>(std::make_unique<end>(made, false));
}

void memory_network::cut() {
    for (const auto& one : wires_)
        if (const auto there = one.lock()) there->end();
    wires_.clear();
}

void memory_network::deliver(std::mt19937_64* random) {
    for (const auto& one : wires_) {
        const auto there = one.lock();
        if (!there) continue;
        for (auto* way : {&there->to_server, &there->to_client}) {
            auto left = random == nullptr ? way->on_the_way.size() : (*random)() % (way->on_the_way.size() + 1);
            for (; left > 0; --left) {
                way->arrived.push_back(std::move(way->on_the_way.front()));
                way->on_the_way.pop_front();
            }
            way->changed.notify();
        }
    }
}

bool memory_network::empty() const {
    for (const auto& one : wires_)
        if (const auto there = one.lock())
            if (!there->to_server.on_the_way.empty() || !there->to_client.on_the_way.empty() ||
                !there->to_server.arrived.empty() || !there->to_client.arrived.empty())
                return false;
    return true;
}

} // namespace property
