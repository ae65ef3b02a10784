// A messaging that does what a test tells it: it speaks the link over a real WebSocket, welcomes whoever comes, notes
// the frames, and answers nothing by itself.
#pragma once

#include "common/async/event.hpp"
#include "common/link/frame.hpp"
#include "common/net/http_server.hpp"
#include "common/net/websocket.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

namespace fixture {

namespace asio = boost::asio;

class scripted_messaging {
  public:
    explicit scripted_messaging(asio::io_context& loop)
        : server_(loop.get_executor(), net::http_server_options(), refuse,
                  [this](net::http_request request) { return upgrade(std::move(request)); }) {
        REQUIRE(server_.open().has_value());
    }

    std::string url() const { return "ws://127.0.0.1:" + std::to_string(server_.port()); }
    /// Ends the connection; the broker comes back by itself.
    void cut() {
        if (socket_) socket_->abort();
    }
    /// Whole frames, to the broker that is connected.
    void send(const std::string& frames) {
        outgoing_ += frames;
        if (to_send_) to_send_->notify();
    }
    asio::awaitable<void> stop() { return server_.stop(); }

    std::uint64_t incarnation = 1; ///< of the next welcome
    bool resumes = false;          ///< likewise
    unsigned hellos = 0;
    std::uint64_t sequenced = 0; ///< topic frames not counted: publish, claim, release
    std::vector<msg_link::subscribe> streams;
    std::vector<msg_link::filter> filters; ///< numbers only
    std::vector<msg_link::credit> credits;

  private:
    static asio::awaitable<net::http_response> refuse(net::http_request) {
        co_return net::error_response(404, "test/notFound", "only the link");
    }

    asio::awaitable<net::upgrade_decision> upgrade(net::http_request) {
        net::websocket_options options;
        options.message_bytes_max = msg_link::batch_bytes_max;
        options.subprotocol = std::string(msg_link::subprotocol);
        co_return net::upgrade_decision(std::move(options), [this](std::unique_ptr<net::websocket> socket) {
            return serve(std::shared_ptr<net::websocket>(std::move(socket)));
        });
    }

    asio::awaitable<void> serve(std::shared_ptr<net::websocket> socket) {
        socket_ = socket;
        outgoing_.clear();
        const auto to_send = std::make_shared<async::event>(socket->executor());
        to_send_ = to_send;
        async::task_group writing(socket->executor(), "scripted messaging");
        writing.spawn("write", write_loop(socket, to_send));
        std::string batch;
        for (;;) {
            const auto got = co_await socket->read(batch);
            if (got.has_error()) break;
            auto bytes = core::as_bytes(batch);
            msg_link::raw_frame frame;
            while (msg_link::next_frame(bytes, frame)) take(frame);
        }
        if (socket_ == socket) socket_.reset();
        writing.stop();
        socket->abort();
        co_await writing.join();
    }

    asio::awaitable<void> write_loop(std::shared_ptr<net::websocket> socket, std::shared_ptr<async::event> to_send) {
        for (;;) {
            co_await to_send->wait();
            const std::string batch = std::exchange(outgoing_, {});
            if (batch.empty()) continue;
            const auto error = co_await socket->write(core::as_bytes(batch), false);
            if (error) co_return;
        }
    }

    void take(const msg_link::raw_frame& frame) {
        using kind = msg_link::type;
        switch (frame.kind) {
        case kind::hello_end: {
            ++hellos;
            msg_link::welcome hello;
            hello.incarnation = incarnation;
            hello.resumed = resumes;
            std::string out;
            msg_link::encode(out, hello);
            send(out);
            break;
        }
        case kind::publish:
        case kind::claim:
        case kind::release: ++sequenced; break;
        case kind::subscribe: {
            msg_link::subscribe one;
            REQUIRE(msg_link::decode(frame.body, one));
            streams.push_back(one);
            break;
        }
        case kind::filter_add: {
            msg_link::filter one;
            REQUIRE(msg_link::decode_filter_add(frame.body, one));
            filters.push_back(one);
            break;
        }
        case kind::credit: {
            msg_link::credit one;
            REQUIRE(msg_link::decode(frame.body, one));
            credits.push_back(one);
            break;
        }
        default: break;
        }
    }

    net::http_server server_;
    std::shared_ptr<net::websocket> socket_;
    std::shared_ptr<async::event> to_send_;
    std::string outgoing_;
};

} // namespace fixture
