// Shows the messages of a topic or filter, and acknowledges each once it was shown. Ends after COUNT messages, or with
// Ctrl-C. What is published while nobody listens is kept for the subscriber's name.
//
//   LINK_TOKEN=$(mqtt-messaging token --secret FILE --role application --tenants t0815) \
//     example-subscribe ws://127.0.0.1:8082 t0815 plant/line1 my-application
#include "common/link/messaging_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

namespace asio = boost::asio;

namespace {

asio::awaitable<void> show(msg_link::messaging_client& client, std::shared_ptr<msg_link::subscriber> subscriber,
                           long most, int& code) {
    const auto made = co_await subscriber->ready();
    if (made == msg_link::reason::ok) std::cout << "subscribed" << std::endl;
    for (long shown = 0; most == 0 || shown < most; ++shown) {
        const auto message = co_await subscriber->next();
        if (!message) break;
        std::cout << "Message Received: " << message->topic() << " " << message->payload() << std::endl;
        subscriber->acknowledge(*message);
    }
    code = subscriber->why_ended() == msg_link::reason::ok ? 0 : 1;
    if (code != 0) std::cerr << "ended: " << msg_link::text(subscriber->why_ended()) << "\n";
    co_await client.stop();
}

} // namespace

int main(int count, char** texts) {
    const char* token = std::getenv("LINK_TOKEN");
    if (count < 5 || token == nullptr) {
        std::cerr << "usage: LINK_TOKEN=… example-subscribe URL TENANT TOPIC SUBSCRIBER [COUNT]\n";
        return 2;
    }
    asio::io_context loop(1);
    msg_link::link_options options;
    options.url = texts[1];
    options.token = token;
    options.name = "example-subscribe";
    msg_link::messaging_client client(loop.get_executor(), std::move(options), texts[2]);
    client.start();
    const auto subscriber = client.subscribe(msg_link::subscribe_options(texts[3], texts[4]));
    int code = 1;
    asio::co_spawn(loop, show(client, subscriber, count > 5 ? std::atol(texts[5]) : 0, code),
                   [&](const std::exception_ptr&) { loop.stop(); });
    asio::signal_set ends(loop, SIGINT, SIGTERM);
    ends.async_wait([&](const boost::system::error_code& error, int) {
        if (!error) subscriber->close();
    });
    loop.run();
    return code;
}
