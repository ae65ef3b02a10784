#include "messaging/endpoint/notification_api.hpp"

#include "messaging/endpoint/consumer_endpoint.hpp"
#include "messaging/endpoint/producer_endpoint.hpp"
#include "messaging/endpoint/token_endpoint.hpp"

namespace messaging::endpoint {

void notification_api::add_routes(front& to) {
    route token;
    token.path = "/notification2/token";
    token.handle = [this](net::http_request request) { return answer_token(context_, logins_, std::move(request)); };
    to.add(std::move(token));
    route unsubscribe;
    unsubscribe.path = "/notification2/unsubscribe";
    unsubscribe.handle = [this](net::http_request request) {
        return answer_unsubscribe(context_, logins_, std::move(request));
    };
    to.add(std::move(unsubscribe));
    route producer;
    producer.path = "/notification2/producer";
    producer.upgrade = [this](net::http_request request) { return upgrade_producer(context_, std::move(request)); };
    to.add(std::move(producer));
    route consumer;
    consumer.path = "/notification2/consumer";
    consumer.upgrade = [this](net::http_request request) { return upgrade_consumer(context_, std::move(request)); };
    to.add(std::move(consumer));
}

} // namespace messaging::endpoint
