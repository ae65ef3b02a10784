#include "common/ops/ops_routes.hpp"

namespace ops {

std::optional<net::http_response> ops_routes::answer(const net::http_request& request) const {
    const bool ready = request.path == "/health" || request.path == "/health/ready";
    const bool live = request.path == "/health/live";
    const bool numbers = request.path == "/metrics";
    if (!ready && !live && !numbers) return std::nullopt;
    if (request.method != "GET" && request.method != "HEAD") {
        auto refusal = net::error_response(405, "ops/methodNotAllowed", "Only GET is answered here.");
        refusal.headers.set("Allow", "GET, HEAD");
        return refusal;
    }
    if (ready) return net::json_response(health_.is_ready() ? 200 : 503, health_.ready_json());
    if (live) return net::json_response(health_.is_live() ? 200 : 503, health_.live_json());
    return net::http_response(200, "text/plain; version=0.0.4; charset=utf-8", metrics_.text());
}

} // namespace ops
