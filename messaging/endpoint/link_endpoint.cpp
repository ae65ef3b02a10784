#include "messaging/endpoint/link_endpoint.hpp"

#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "common/core/log.hpp"
#include "common/net/error.hpp"
#include "messaging/endpoint/durable.hpp"

#include <boost/asio/this_coro.hpp>

#include <string_view>

namespace messaging::endpoint {

namespace {

/// One connection's state, shared by its reader and writer.
struct connection {
    connection(std::unique_ptr<net::websocket> over, asio::any_io_executor executor)
        : socket(std::move(over)), wake(executor), tasks(executor, "link") {}

    std::unique_ptr<net::websocket> socket;
    async::event wake;
    async::task_group tasks;
    topic::link_session* session = nullptr; ///< null before the hello; may be gone once another connection took it over
    std::uint64_t number = 0;
    std::uint64_t life = 0; ///< which of the session's connections this is
    std::string batch_in;
    std::string batch_out;
};

/// False before the hello, and when another connection took the session over: then it is not ours to touch.
bool owns_session(const connection& self, const link_sessions& sessions) {
    if (self.session == nullptr) return false;
    const auto* at = sessions.find(self.number);
    return at != nullptr && at->connection_count() == self.life;
}

asio::awaitable<void> write_loop(connection& self, const link_sessions& sessions, link_counters& counters) {
    while (true) {
        if (self.session != nullptr && !owns_session(self, sessions)) {
            self.socket->abort(); // the reader ends with it
            co_return;
        }
        if (self.session == nullptr || !self.session->output().take(self.batch_out)) {
            co_await self.wake.wait();
            continue;
        }
        ++counters.batches_out;
        counters.bytes_out += self.batch_out.size();
        const auto error = co_await self.socket->write(core::as_bytes(self.batch_out), false);
        if (error) {
            self.socket->abort();
            co_return;
        }
    }
}

/// The first frame: finds the session and takes it over. Empty when all is well.
std::string greet(connection& self, const msg_link::raw_frame& frame, const topic::link_permissions& who,
                  link_sessions& sessions, const core::clock& time) {
    msg_link::hello hello;
    if (frame.kind != msg_link::type::hello || !msg_link::decode(frame.body, hello))
        return "the first frame must be a hello";
    if (hello.version + 1 < msg_link::version || hello.version > msg_link::version)
        return std::string(msg_link::wrong_version) + std::to_string(hello.version) +
               " is not spoken here; this is version " + std::to_string(msg_link::version);
    auto& session = sessions.find_or_make(hello.session);
    if (!session.may_connect(who)) return "the session belongs to another token";
    if (session.connected()) session.disconnect(time.now()); // a second connection replaces the first
    self.session = &session;
    self.number = hello.session;
    session.connect(who, [&self] { self.wake.notify(); });
    self.life = session.connection_count();
    session.on_hello(hello);
    return {};
}

/// The WebSocket below refused what came: too large, or not as RFC 6455 wants it.
bool broke_rules(const core::error_code& error) {
    return error == net::errc::message_too_large ||
           std::string_view(error.category().name()) == "boost.beast.websocket";
}

std::string on_batch(connection& self, core::byte_span batch, const topic::link_permissions& who,
                     link_sessions& sessions, const core::clock& time) {
    msg_link::raw_frame frame;
    while (msg_link::next_frame(batch, frame)) {
        auto wrong = self.session == nullptr ? greet(self, frame, who, sessions, time) : self.session->on_frame(frame);
        if (!wrong.empty()) return wrong;
    }
    return batch.empty() ? std::string{} : std::string("a frame is cut");
}

} // namespace

asio::awaitable<void> serve_link(std::unique_ptr<net::websocket> socket, topic::link_permissions who, std::string name,
                                 link_sessions& sessions, const core::clock& time, link_counters& counters) {
    co_await asio::this_coro::throw_if_cancelled(false); // the end below must be reached: the writer refers to `self`
    const auto executor = co_await asio::this_coro::executor;
    connection self(std::move(socket), executor);
    ++counters.connections;
    core::log::info("link connected", {{"peer", name}});
    self.tasks.spawn("write", write_loop(self, sessions, counters));
    std::string why;
    bool protocol_error = false;
    while (true) {
        auto got = co_await self.socket->read(self.batch_in);
        const bool replaced = self.session != nullptr && !owns_session(self, sessions);
        if (replaced || !got) {
            why = replaced ? "another connection took the session over" : got.error().message();
            if (!replaced && broke_rules(got.error())) ++counters.protocol_errors;
            break;
        }
        const bool ending = co_await cancelled();
        if (ending) break;
        ++counters.batches_in;
        counters.bytes_in += self.batch_in.size();
        if (self.socket->last_was_text())
            why = "text messages are not spoken here";
        else
            why = on_batch(self, core::as_bytes(self.batch_in), who, sessions, time);
        if (!why.empty()) {
            protocol_error = true;
            ++counters.protocol_errors;
            break;
        }
    }
    if (owns_session(self, sessions)) self.session->disconnect(time.now());
    self.session = nullptr;
    self.tasks.stop();
    self.wake.notify();
    if (protocol_error) {
        core::log::warn("link closed for a protocol error", {{"peer", name}, {"why", why}});
        co_await self.tasks.join();
        (void)co_await self.socket->close(1002, why);
    } else {
        core::log::info("link disconnected", {{"peer", name}, {"why", why}});
    }
    self.socket->abort();
    co_await self.tasks.join();
}

} // namespace messaging::endpoint
