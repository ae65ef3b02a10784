#include "messaging/ctl/commands.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <simdjson.h>

#include <cstdlib>
#include <exception>
#include <iostream>

namespace messaging::ctl {

namespace {

constexpr const char* usage =
    R"(mqtt-messaging ctl - look at topics and subscriptions of a running messaging, and act on them

  mqtt-messaging ctl topics                     what there is, how fast it goes, how full it is
  mqtt-messaging ctl subscriptions              who reads, how far behind
  mqtt-messaging ctl tail TOPIC                 show messages as they come, from now on; nobody's messages are consumed.
                                                from-device shows everything that devices publish
  mqtt-messaging ctl publish TOPIC [PAYLOAD]    publish a test message; without PAYLOAD, or with -, from standard input
  mqtt-messaging ctl unsubscribe SUBSCRIBER --topic TOPIC
  mqtt-messaging ctl unsubscribe --id NUMBER    remove a subscriber with its backlog

Login: MQTT_MESSAGING_USER (<tenant>/<user>) and MQTT_MESSAGING_PASSWORD in the environment, or
  --credentials FILE       a file with the line <tenant>/<user>:<password>, readable by you alone
  --url URL                default: MQTT_MESSAGING_URL, else http://127.0.0.1:8082
  --ca FILE                who signed the server's certificate (https); default: the system's CAs
  --tenant TENANT          another tenant than the user's: for operators

  --json                   JSON instead of a table (tail: one object a line)
  --name PATTERN           topics, subscriptions: only these names; * stands for any text
  --namespace NS           mqtt, or relnotif for notifications
  --topic TOPIC            subscriptions: only those that read this topic
  --unsafe                 topics, subscriptions: only those in an unsafe state
  --sort COLUMN            such as backlogBytes; -backlogBytes (as --sort=-backlogBytes) for the largest first
  --page N --page-size N   topics, subscriptions: default 1 and 100
  --count N                tail: end after so many messages
  --file FILE              publish: the payload
  --client-id ID --content-type TEXT    publish
)";

using command = asio::awaitable<int> (*)(session&, const options&);

command find_command(const std::string& name) {
    if (name == "topics") return show_topics;
    if (name == "subscriptions") return show_subscriptions;
    if (name == "tail") return tail;
    if (name == "publish") return publish;
    if (name == "unsubscribe") return unsubscribe;
    return nullptr;
}

std::string environment_value(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string(value);
}

/// What the platform's form of an error says; empty for another body.
std::string message_of(const std::string& body) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    std::string_view message;
    if (parser.parse(body).get(root) != simdjson::SUCCESS || root["message"].get(message) != simdjson::SUCCESS)
        return {};
    return std::string(message);
}

std::string explain(const session& over, unsigned status, const std::string& body) {
    auto message = message_of(body);
    if (message.empty()) message = "HTTP " + std::to_string(status);
    if (status == 401) return message + " The user is <tenant>/<user>; is it, and is the password right?";
    if (status == 403)
        return message +
               " The user needs ROLE_TENANT_ADMIN or, to look only, ROLE_TENANT_STATISTICS_READ, `tail` "
               "ROLE_NOTIFICATION_2_ADMIN; another tenant than its own is for operators (tenant asked for: " +
               over.as.tenant + ").";
    return message;
}

} // namespace

int complain(std::string_view what, int code) {
    std::cerr << "mqtt-messaging ctl: " << what << "\n";
    return code;
}

asio::awaitable<std::optional<std::string>> ask(session& over, std::string method, std::string target,
                                                std::string body) {
    net::http_request_out request(std::move(method), over.as.url + target);
    request.headers.set("Authorization", over.as.authorization);
    if (!body.empty()) request.headers.set("Content-Type", "application/json");
    request.body = std::move(body);
    const auto answer = co_await over.client.request(std::move(request));
    if (!answer) {
        over.trouble = "cannot reach " + over.as.url + ": " + answer.error().message() +
                       "; does messaging run there, and is --url right?";
        co_return std::nullopt;
    }
    if (answer->status >= 200 && answer->status < 300) co_return answer->body;
    over.trouble = explain(over, answer->status, answer->body);
    co_return std::nullopt;
}

int run(const std::vector<std::string>& arguments) {
    options given;
    const auto wrong = parse(arguments, given);
    if (given.has("--help") || given.has("-h")) {
        std::cout << usage;
        return 0;
    }
    if (!wrong.empty()) return complain(wrong + "; --help tells the options", 2);
    const auto what = given.words.empty() ? nullptr : find_command(given.words.front());
    if (what == nullptr) {
        std::cerr << usage;
        return complain(given.words.empty() ? "say what to do" : "there is no command " + given.words.front(), 2);
    }
    login as;
    if (const auto no = find_login(given, environment_value, as); !no.empty()) return complain(no, 2);
    asio::io_context loop(1);
    net::http_client_options http;
    http.ca_file = as.ca_file;
    net::http_client client(loop.get_executor(), std::move(http));
    session over(client, std::move(as));
    int code = 1;
    asio::co_spawn(loop, what(over, given), [&](const std::exception_ptr& thrown, int ended) {
        code = thrown ? complain("an unexpected error", 1) : ended;
        client.stop();
        loop.stop();
    });
    loop.run();
    std::cout.flush();
    return code;
}

} // namespace messaging::ctl
