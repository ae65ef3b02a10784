#include "tests/clients/paho_c/device.hpp"

#include <cstdlib>
#include <memory>

namespace paho_c {
namespace {

constexpr int library_error = -1;
constexpr int keep_alive_s = 30;

int check(int code, const char* what) {
    if (code != MQTTASYNC_SUCCESS) throw unexpected(std::string(what) + ": " + MQTTAsync_strerror(code));
    return code;
}

std::string text_or_empty(const char* text) { return text == nullptr ? std::string() : std::string(text); }

/// MQTT 3.1.1: the library's own negative errors and the protocol's return codes share one number.
answer failure(const MQTTAsync_failureData* data) {
    answer made;
    made.code = data == nullptr ? library_error : data->code;
    if (data != nullptr) made.text = text_or_empty(data->message);
    return made;
}

answer failure(const MQTTAsync_failureData5* data) {
    answer made;
    made.code = data->reasonCode == MQTTREASONCODE_SUCCESS ? data->code : static_cast<int>(data->reasonCode);
    made.text = text_or_empty(data->message);
    return made;
}

/// A request under way. The library has it until it calls back, once; the asker may have given up by then.
using pending = std::shared_ptr<mailbox<answer>>;

void settle(void* context, answer with) {
    const std::unique_ptr<pending> asked(static_cast<pending*>(context));
    (*asked)->put(std::move(with));
}

void on_success(void* context, MQTTAsync_successData*) { settle(context, {}); }
void on_success(void* context, MQTTAsync_successData5* data) {
    answer made;
    made.code = static_cast<int>(data->reasonCode);
    settle(context, std::move(made));
}
void on_failure(void* context, MQTTAsync_failureData* data) { settle(context, failure(data)); }
void on_failure(void* context, MQTTAsync_failureData5* data) { settle(context, failure(data)); }

message copy_of(const char* topic, MQTTAsync_message& from) {
    message made;
    made.topic = topic;
    made.payload.assign(static_cast<const char*>(from.payload), static_cast<std::size_t>(from.payloadlen));
    made.qos = from.qos;
    made.retain = from.retained != 0;
    made.dup = from.dup != 0;
    made.properties = read_message(from.properties);
    return made;
}

} // namespace

device::device(const settings& given, const std::string& suffix, device_options options)
    : settings_(given), options_(std::move(options)), five_(given.five()), user_(given.at("user")) {
    if (const char* password = given.find("password")) password_ = password;
    const std::string scheme = given.find("ca") != nullptr ? "ssl://" : "tcp://";
    const std::string address = scheme + given.at("host") + ":" + given.at("port");
    const std::string identifier = options_.without_client_id ? std::string() : given.at("name") + suffix;
    MQTTAsync_createOptions creation = MQTTAsync_createOptions_initializer;
    creation.MQTTVersion = five_ ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    check(MQTTAsync_createWithOptions(&handle_, address.c_str(), identifier.c_str(), MQTTCLIENT_PERSISTENCE_NONE,
                                      nullptr, &creation),
          "create");
    listen();
}

device::~device() {
    mailbox<bool> done;
    MQTTAsync_disconnectOptions farewell = MQTTAsync_disconnectOptions_initializer;
    farewell.context = &done;
    if (five_) {
        farewell.onSuccess5 = [](void* to, MQTTAsync_successData5*) { static_cast<mailbox<bool>*>(to)->put(true); };
        farewell.onFailure5 = [](void* to, MQTTAsync_failureData5*) { static_cast<mailbox<bool>*>(to)->put(false); };
    } else {
        farewell.onSuccess = [](void* to, MQTTAsync_successData*) { static_cast<mailbox<bool>*>(to)->put(true); };
        farewell.onFailure = [](void* to, MQTTAsync_failureData*) { static_cast<mailbox<bool>*>(to)->put(false); };
    }
    if (MQTTAsync_isConnected(handle_) != 0 && MQTTAsync_disconnect(handle_, &farewell) == MQTTASYNC_SUCCESS) {
        try {
            (void)done.take("end of the client");
        } catch (const unexpected&) {
            std::abort(); // the library would write into `done` after its end
        }
    }
    MQTTAsync_destroy(&handle_);
}

void device::listen() {
    const auto lost = [](void* self, char*) { static_cast<device*>(self)->lost_.put(0); };
    const auto arrived = [](void* self, char* topic, int, MQTTAsync_message* from) {
        static_cast<device*>(self)->messages_.put(copy_of(topic, *from));
        MQTTAsync_freeMessage(&from);
        MQTTAsync_free(topic);
        return 1;
    };
    const auto disconnected = [](void* self, MQTTProperties*, MQTTReasonCodes reason) {
        static_cast<device*>(self)->lost_.put(static_cast<int>(reason));
    };
    const auto connected = [](void* self, char*) { static_cast<device*>(self)->connected_.put(true); };
    check(MQTTAsync_setCallbacks(handle_, this, lost, arrived, nullptr), "setCallbacks");
    check(MQTTAsync_setDisconnected(handle_, this, disconnected), "setDisconnected");
    check(MQTTAsync_setConnected(handle_, this, connected), "setConnected");
}

void device::login(std::string user, std::string password) {
    user_ = std::move(user);
    password_ = std::move(password);
}

answer device::connect() {
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    if (five_) options = MQTTAsync_connectOptions_initializer5;
    options.MQTTVersion = five_ ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    options.keepAliveInterval = keep_alive_s;
    options.cleansession = five_ ? 0 : 1;
    options.cleanstart = five_ ? 1 : 0;
    options.username = user_.c_str();
    options.password = password_ ? password_->c_str() : nullptr;
    options.automaticReconnect = options_.reconnects ? 1 : 0;
    options.minRetryInterval = options.maxRetryInterval = 1;

    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    tls.trustStore = settings_.find("ca");
    tls.keyStore = settings_.find("certificate");
    tls.privateKey = settings_.find("key");
    tls.verify = 1;
    tls.disableDefaultTrustStore = 1;
    if (tls.trustStore != nullptr) options.ssl = &tls;

    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    library_properties will_properties(options_.will ? options_.will->properties : message_properties{});
    if (options_.will) {
        will.topicName = options_.will->topic.c_str();
        will.payload.data = options_.will->payload.data();
        will.payload.len = static_cast<int>(options_.will->payload.size());
        will.qos = options_.will->qos;
        options.will = &will;
        if (five_) options.willProperties = &will_properties.get();
    }

    options.context = this;
    if (five_) {
        options.onSuccess5 = [](void* self, MQTTAsync_successData5* data) {
            answer made;
            made.announced = read_connack(data->properties);
            static_cast<device*>(self)->connacks_.put(std::move(made));
        };
        options.onFailure5 = [](void* self, MQTTAsync_failureData5* data) {
            static_cast<device*>(self)->connacks_.put(failure(data));
        };
    } else {
        options.onSuccess = [](void* self, MQTTAsync_successData*) { static_cast<device*>(self)->connacks_.put({}); };
        options.onFailure = [](void* self, MQTTAsync_failureData* data) {
            static_cast<device*>(self)->connacks_.put(failure(data));
        };
    }
    check(MQTTAsync_connect(handle_, &options), "connect");
    return connacks_.take("CONNACK");
}

answer device::ask(const char* what, const request& start) {
    const auto asked = std::make_shared<mailbox<answer>>();
    auto context = std::make_unique<pending>(asked);
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = context.get();
    if (five_) {
        options.onSuccess5 = on_success;
        options.onFailure5 = on_failure;
    } else {
        options.onSuccess = on_success;
        options.onFailure = on_failure;
    }
    check(start(options), what);
    (void)context.release(); // `settle` ends it
    return asked->take(what);
}

answer device::subscribe(const std::string& topic, int qos) {
    return ask("SUBACK", [&](auto& options) { return MQTTAsync_subscribe(handle_, topic.c_str(), qos, &options); });
}

answer device::unsubscribe(const std::string& topic) {
    return ask("UNSUBACK", [&](auto& options) { return MQTTAsync_unsubscribe(handle_, topic.c_str(), &options); });
}

int device::start_sending(const message& what, MQTTAsync_responseOptions& options) {
    library_properties properties(five_ ? what.properties : message_properties{});
    std::string payload = what.payload;
    MQTTAsync_message sent = MQTTAsync_message_initializer;
    sent.payload = payload.data();
    sent.payloadlen = static_cast<int>(payload.size());
    sent.qos = what.qos;
    sent.properties = properties.get();
    return MQTTAsync_sendMessage(handle_, what.topic.c_str(), &sent, &options);
}

answer device::publish(const message& what) {
    return ask("PUBACK", [&](auto& options) { return start_sending(what, options); });
}

void device::send(const message& what) {
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    check(start_sending(what, options), "send");
}

} // namespace paho_c
