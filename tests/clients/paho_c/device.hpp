// A device on top of Eclipse Paho C (asynchronous API): calls that wait for the service's answer.
#pragma once

#include "tests/clients/paho_c/mailbox.hpp"
#include "tests/clients/paho_c/properties.hpp"

#include <MQTTAsync.h>

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace paho_c {

/// KEY=VALUE of the command line (tests/clients/README.md).
class settings {
  public:
    explicit settings(std::map<std::string, std::string> values) : values_(std::move(values)) {}

    /// The value, or nullptr.
    const char* find(const std::string& key) const {
        const auto found = values_.find(key);
        return found == values_.end() ? nullptr : found->second.c_str();
    }
    /// Throws std::out_of_range without the key.
    const std::string& at(const std::string& key) const { return values_.at(key); }
    bool five() const { return at("version") == "5"; }
    std::string topic(const std::string& name) const { return at("name") + "/" + name; }

  private:
    std::map<std::string, std::string> values_;
};

struct message {
    std::string topic;
    std::string payload;
    int qos = 1;
    bool retain = false;
    bool dup = false;
    message_properties properties = {};
};

/// What a request came to: the reason code of the answer, below 0 for an error of the library.
struct answer {
    int code = 0;
    std::string text;
    announcement announced; ///< of a CONNACK
};

struct device_options {
    std::optional<message> will;
    bool reconnects = false;
    bool without_client_id = false;
};

/// One client. Not movable: the library's callbacks point to it. Throws `unexpected` when an answer does not come.
class device {
  public:
    device(const settings& given, const std::string& suffix, device_options options = {});
    ~device();
    device(const device&) = delete;
    device& operator=(const device&) = delete;

    /// Login as somebody else than the settings say.
    void login(std::string user, std::string password);
    /// The answer of CONNACK, whatever it is.
    answer connect();
    /// Waits for one more accepted connection: the first, or one the library has made again.
    void await_connected() { (void)connected_.take("connection"); }
    /// Waits for the end of the connection; the reason code of DISCONNECT, 0 when it ended without one.
    int await_lost() { return lost_.take("end of the connection"); }

    answer subscribe(const std::string& topic, int qos = 1);
    answer unsubscribe(const std::string& topic);
    /// Waits for PUBACK (QoS 1), or until it is written (QoS 0).
    answer publish(const message& what);
    /// The same without waiting.
    void send(const message& what);
    message next_message() { return messages_.take("message"); }

  private:
    using request = std::function<int(MQTTAsync_responseOptions&)>;

    answer ask(const char* what, const request& start);
    int start_sending(const message& what, MQTTAsync_responseOptions& options);
    void listen();

    MQTTAsync handle_ = nullptr;
    settings settings_;
    device_options options_;
    bool five_;
    std::string user_;
    std::optional<std::string> password_;
    mailbox<message> messages_;
    mailbox<answer> connacks_;
    mailbox<bool> connected_;
    mailbox<int> lost_;
};

} // namespace paho_c
