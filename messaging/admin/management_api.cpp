#include "messaging/admin/management_api.hpp"

#include "messaging/admin/routes.hpp"

#include <utility>

namespace messaging::admin {

namespace {

asio::awaitable<net::http_response> answer_openapi(management_context& context, net::http_request request) {
    if (request.method != "GET") {
        auto answer = context.refuse(405, "bad_method", request, "use GET");
        answer.headers.set("Allow", "GET");
        co_return answer;
    }
    co_return net::json_response(200, std::string(openapi_document()));
}

} // namespace

management_api::~management_api() {
    for (const auto& [identity, one] : context_.held) context_.hub.close_topic(*one.which);
}

void management_api::add_routes(endpoint::front& to) {
    endpoint::route document;
    document.path = "/openapi.json";
    document.handle = [this](net::http_request request) { return answer_openapi(context_, std::move(request)); };
    to.add(std::move(document));
    endpoint::route management;
    management.path = std::string(base_path);
    management.below = true;
    management.handle = [this](net::http_request request) { return answer_management(context_, std::move(request)); };
    to.add(std::move(management));
}

void management_api::tick() {
    sampler_.tick();
    if (context_.held.empty()) return;
    const auto now = context_.clock.now();
    // Identities ascend and all are held equally long: the first is the oldest.
    while (!context_.held.empty() && context_.held.begin()->second.until <= now) {
        context_.hub.close_topic(*context_.held.begin()->second.which);
        context_.held.erase(context_.held.begin());
    }
}

} // namespace messaging::admin
