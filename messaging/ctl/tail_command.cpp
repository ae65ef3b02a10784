// tail: a consumer of the WebSocket API that keeps nothing and takes nothing from others.
#include "messaging/ctl/commands.hpp"
#include "messaging/ctl/table.hpp"

#include "common/core/base64.hpp"
#include "common/core/json_writer.hpp"
#include "common/net/websocket.hpp"
#include "common/notification2/avro_codec.hpp"
#include "common/notification2/frame.hpp"

#include <simdjson.h>

#include <cstdlib>
#include <iostream>
#include <random>

namespace messaging::ctl {

namespace {

namespace n2 = notification2;
constexpr std::size_t record_bytes_max = 1024 * 1024;

asio::awaitable<std::string> get_token(session& over, std::string topic) {
    std::random_device random;
    core::json_writer body;
    body.object().member("subscriber", "ctl-" + std::to_string(random()) + "-" + std::to_string(random()));
    body.member("subscription", topic).member("type", "mqtt").member("nonPersistent", true);
    auto text = std::move(body.member("expiresInMinutes", 5).end()).text();
    const auto answer = co_await ask(over, "POST", "/notification2/token", std::move(text));
    if (!answer) co_return std::string();
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    std::string_view token;
    if (parser.parse(*answer).get(root) != simdjson::SUCCESS || root["token"].get(token) != simdjson::SUCCESS) {
        over.trouble = "the server gave no token; is --url that of messaging?";
        co_return std::string();
    }
    co_return std::string(token);
}

bool readable(std::string_view payload) {
    return simdjson::validate_utf8(payload.data(), payload.size()) && printable(payload) == payload;
}

void print(const n2::mqtt_service_message& message, const std::string& topic, bool json) {
    const auto of = message.topic.value_or(topic);
    if (!json) {
        std::cout << printable(of) << "  " << printable(message.client_id.value_or("-")) << "  "
                  << (readable(message.payload) ? std::string(message.payload)
                                                : "base64:" + core::base64_encode(message.payload))
                  << std::endl;
        return;
    }
    core::json_writer line;
    line.object().member("topic", of);
    if (message.client_id) line.member("clientId", *message.client_id);
    if (message.content_type) line.member("contentType", *message.content_type);
    line.member("payload", core::base64_encode(message.payload));
    if (readable(message.payload)) line.member("payloadText", message.payload);
    std::cout << line.end().text() << std::endl;
}

asio::awaitable<int> show(net::websocket& socket, const options& given, const std::string& topic, long most) {
    std::string frame;
    std::string record;
    for (long shown = 0; most == 0 || shown < most;) {
        const auto got = co_await socket.read(frame);
        if (!got) {
            const auto reason = socket.close_reason();
            co_return complain("the connection ended: " + (reason.empty() ? got.error().message() : printable(reason)),
                               1);
        }
        const auto parsed = n2::parse_consumer_frame(frame);
        record.clear();
        if (!parsed || !n2::append_record(record, parsed->base64, record_bytes_max)) continue;
        if (const auto message = n2::decode_avro(record)) {
            print(*message, topic, given.has("--json"));
            ++shown;
        }
        const auto failed = co_await socket.write(core::as_bytes(parsed->ack_header), true);
        if (failed) co_return complain("the connection ended: " + failed.message(), 1);
    }
    co_return 0;
}

} // namespace

asio::awaitable<int> tail(session& over, const options& given) {
    if (given.words.size() != 2) co_return complain("tail needs one TOPIC; from-device shows everything", 2);
    if (given.has("--tenant")) co_return complain("tail shows the user's own tenant; leave --tenant out", 2);
    const auto topic = given.words[1];
    const auto count = given.value("--count", "0");
    char* end = nullptr;
    const long most = std::strtol(count.c_str(), &end, 10);
    if (*end != '\0' || most < 0 || count.empty()) co_return complain("--count must be a number", 2);
    const auto token = co_await get_token(over, topic);
    if (token.empty()) co_return complain(over.trouble, 1);
    net::websocket_target target;
    target.url = "ws" + over.as.url.substr(4) + "/notification2/consumer/?token=" + token; // http: ws, https: wss
    target.ca_file = over.as.ca_file;
    target.options.idle_timeout = std::chrono::minutes(2);
    target.options.message_bytes_max = core::base64_length(record_bytes_max) + 1024;
    net::upgrade_refusal refusal;
    auto opened = co_await net::websocket_connect(std::move(target), &refusal);
    if (!opened)
        co_return complain("cannot open the WebSocket: " + (refusal.status != 0
                                                                ? "HTTP " + std::to_string(refusal.status)
                                                                : opened.error().message()),
                           1);
    std::cerr << "waiting for messages on " << printable(topic) << "; Ctrl-C ends\n";
    const auto code = co_await show(**opened, given, topic, most);
    if (code == 0) {
        const auto closed = co_await (*opened)->close(1000, "");
        (void)closed; // it ends either way
    }
    (*opened)->abort();
    co_return code;
}

} // namespace messaging::ctl
