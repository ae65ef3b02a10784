// publish, unsubscribe.
#include "messaging/ctl/commands.hpp"
#include "messaging/ctl/table.hpp"

#include "common/core/base64.hpp"
#include "common/core/json_writer.hpp"
#include "common/core/percent.hpp"

#include <simdjson.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

namespace messaging::ctl {

namespace {

namespace dom = simdjson::dom;
constexpr std::size_t payload_bytes_max = 512 * 1024; ///< more than any message may have; the server says the limit

std::string base_of(const session& over) { return "/management/tenants/" + core::percent_encode(over.as.tenant); }

std::string read_all(std::istream& from) {
    std::string bytes(payload_bytes_max + 1, '\0');
    from.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(from.gcount()));
    return bytes;
}

/// Empty, or what is wrong.
std::string find_payload(const options& given, std::string& into) {
    if (given.has("--file")) {
        if (given.words.size() > 2) return "give the payload as a word or as --file, not both";
        std::ifstream in(given.value("--file"), std::ios::binary);
        if (!in) return "--file " + given.value("--file") + " cannot be read";
        into = read_all(in);
    } else if (given.words.size() > 2 && given.words[2] != "-") {
        into = given.words[2];
    } else {
        into = read_all(std::cin);
    }
    return into.size() > payload_bytes_max ? "the payload is larger than any message may be" : std::string{};
}

/// The number of the one subscription that is meant; empty with the reason in `why_not`.
std::string find_id(const std::string& body, const std::string& subscriber, const std::string& topic,
                    std::string& why_not) {
    dom::parser parser;
    dom::element root;
    dom::array list;
    if (parser.parse(body).get(root) != simdjson::SUCCESS || root["subscriptions"].get(list) != simdjson::SUCCESS) {
        why_not = "the server answered something that is no list; is --url that of messaging?";
        return {};
    }
    std::vector<std::string> found;
    for (const auto one : list) {
        std::string_view name;
        std::string_view of;
        std::string_view id;
        if (one["subscriber"].get(name) != simdjson::SUCCESS || one["id"].get(id) != simdjson::SUCCESS) continue;
        const bool by_topic = one["topic"].get(of) == simdjson::SUCCESS && of == topic;
        if (name == subscriber && (topic.empty() || by_topic)) found.emplace_back(id);
    }
    if (found.size() == 1) return found.front();
    if (found.empty())
        why_not = "there is no such subscriber; `subscriptions` lists them";
    else
        why_not =
            "that subscriber has " + std::to_string(found.size()) + " subscriptions; name one with --topic or --id";
    return {};
}

} // namespace

asio::awaitable<int> publish(session& over, const options& given) {
    if (given.words.size() < 2 || given.words.size() > 3)
        co_return complain("publish needs a TOPIC and at most one PAYLOAD (quote it)", 2);
    std::string payload;
    if (const auto wrong = find_payload(given, payload); !wrong.empty()) co_return complain(wrong, 2);
    core::json_writer body;
    body.object().member("payload", core::base64_encode(payload));
    if (given.has("--client-id")) body.member("clientId", given.value("--client-id"));
    if (given.has("--content-type")) body.member("contentType", given.value("--content-type"));
    auto target = base_of(over) + "/topics/" + core::percent_encode(given.value("--namespace", "mqtt")) + "/" +
                  core::percent_encode(given.words[1]) + "/messages";
    auto text = std::move(body.end()).text();
    const auto answer = co_await ask(over, "POST", std::move(target), std::move(text));
    if (!answer) co_return complain(over.trouble, 1);
    if (given.has("--json")) {
        std::cout << *answer << "\n";
        co_return 0;
    }
    dom::parser parser;
    dom::element root;
    bool stored = false;
    if (parser.parse(*answer).get(root) != simdjson::SUCCESS || root["stored"].get(stored) != simdjson::SUCCESS)
        co_return complain("the server answered something else; is --url that of messaging?", 1);
    std::cout << (stored ? "stored\n" : "not stored: no subscription matches the topic\n");
    co_return 0;
}

asio::awaitable<int> unsubscribe(session& over, const options& given) {
    auto id = given.value("--id");
    const bool by_name = given.words.size() == 2;
    if (by_name == !id.empty() || given.words.size() > 2)
        co_return complain("unsubscribe needs either a SUBSCRIBER, best with --topic TOPIC, or --id NUMBER", 2);
    if (by_name) {
        std::string pattern = given.words[1]; // a * in it may find more; find_id compares the whole
        auto target = base_of(over) + "/subscriptions?pageSize=2000&name=" + core::percent_encode(pattern);
        if (given.has("--topic")) target += "&topic=" + core::percent_encode(given.value("--topic"));
        const auto list = co_await ask(over, "GET", std::move(target));
        if (!list) co_return complain(over.trouble, 1);
        std::string why_not;
        id = find_id(*list, pattern, given.value("--topic"), why_not);
        if (id.empty()) co_return complain(why_not, 1);
    }
    auto target = base_of(over) + "/subscriptions/" + core::percent_encode(id);
    const auto done = co_await ask(over, "DELETE", std::move(target));
    if (!done) co_return complain(over.trouble, 1);
    std::cout << (given.has("--json") ? "{\"removed\":true}\n" : "removed\n");
    co_return 0;
}

} // namespace messaging::ctl
