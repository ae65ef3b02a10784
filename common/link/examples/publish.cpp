// Publishes one message and says what became of it.
//
//   LINK_TOKEN=$(mqtt-messaging token --secret FILE --role application --tenants t0815) \
//     example-publish ws://127.0.0.1:8082 t0815 plant/line1 "Hello World"
#include "common/link/messaging_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

namespace asio = boost::asio;

namespace {

asio::awaitable<void> publish(msg_link::messaging_client& client, std::string topic, std::string payload, int& code) {
    msg_link::outgoing_message message(std::move(payload));
    const auto outcome = co_await client.publish(topic, std::move(message));
    code = outcome == msg_link::reason::ok || outcome == msg_link::reason::no_subscribers ? 0 : 1;
    (code == 0 ? std::cout : std::cerr) << topic << ": " << msg_link::text(outcome) << "\n";
    co_await client.stop();
}

} // namespace

int main(int count, char** texts) {
    const char* token = std::getenv("LINK_TOKEN");
    if (count < 4 || token == nullptr) {
        std::cerr << "usage: LINK_TOKEN=… example-publish URL TENANT TOPIC [PAYLOAD]\n";
        return 2;
    }
    asio::io_context loop(1);
    msg_link::link_options options;
    options.url = texts[1];
    options.token = token;
    options.name = "example-publish";
    msg_link::messaging_client client(loop.get_executor(), std::move(options), texts[2]);
    client.start();
    int code = 1;
    asio::co_spawn(loop, publish(client, texts[3], count > 4 ? texts[4] : "Hello World", code),
                   [&](const std::exception_ptr&) { loop.stop(); });
    loop.run();
    return code;
}
