#include "messaging/endpoint/link_endpoint.hpp"

#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "common/core/log.hpp"

#include <boost/asio/this_coro.hpp>

namespace messaging::endpoint {

namespace {

/// One connection's state, shared by its reader and writer.
struct connection {
    connection(std::unique_ptr<net::websocket> over, asio::any_io_executor executor)
        : socket(std::move(over)), wake(executor), tasks(executor, "link") {}

    std::unique_ptr<net::websocket> socket;
    async::event wake;
    async::task_group tasks;
    topic::link_session* session = nullptr; ///< null before the hello and after another connection took it over
    std::uint64_t number = 0;
    std::string batch_in;
    std::string batch_out;
};

asio::awaitable<void> write_loop(connection& self, link_counters& counters) {
    while (true) {
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
    if (frame.kind != msg_link::type::hello || !msg_link::decode(frame.body, hello)) return "the first frame must be a hello";
    if (hello.version != msg_link::version)
        return "link version " + std::to_string(hello.version) + " is not spoken here; this is version " +
               std::to_string(msg_link::version);
    auto& session = sessions.find_or_make(hello.session);
    if (session.connected()) session.disconnect(time.now()); // a second connection replaces the first
    self.session = &session;
    self.number = hello.session;
    session.connect(who, [&self] { self.wake.notify(); });
    session.on_hello(hello);
    return {};
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

/// True while our connection is the session's.
bool still_ours(const connection& self, link_sessions& sessions, const topic::link_session* mine, std::uint64_t life) {
    return mine != nullptr && sessions.find_or_make(self.number).connection_count() == life;
}

} // namespace

asio::awaitable<void> serve_link(std::unique_ptr<net::websocket> socket, topic::link_permissions who, std::string name,
                                 link_sessions& sessions, const core::clock& time, link_counters& counters) {
    const auto executor = co_await asio::this_coro::executor;
    connection self(std::move(socket), executor);
    ++counters.connections;
    core::log::info("link connected", {{"peer", name}});
    self.tasks.spawn("write", write_loop(self, counters));
    std::string why;
    std::uint64_t life = 0;
    bool protocol_error = false;
    while (true) {
        auto got = co_await self.socket->read(self.batch_in);
        if (!got) {
            why = got.error().message();
            break;
        }
        if (life != 0 && !still_ours(self, sessions, self.session, life)) {
            why = "another connection took the session over";
            break;
        }
        ++counters.batches_in;
        counters.bytes_in += self.batch_in.size();
        if (self.socket->last_was_text()) why = "text messages are not spoken here";
        else why = on_batch(self, core::as_bytes(self.batch_in), who, sessions, time);
        if (self.session != nullptr && life == 0) life = self.session->connection_count();
        if (!why.empty()) {
            protocol_error = true;
            ++counters.protocol_errors;
            break;
        }
    }
    if (life != 0 && still_ours(self, sessions, self.session, life)) self.session->disconnect(time.now());
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
