#include "common/ops/health.hpp"

#include "common/core/json_writer.hpp"

namespace ops {

namespace {

std::string to_json(const std::vector<std::string>& reasons) {
    core::json_writer out;
    out.object().member("status", reasons.empty() ? "UP" : "DOWN").key("reasons").array();
    for (const auto& reason : reasons) out.value(reason);
    out.end().end();
    return std::move(out).text();
}

} // namespace

void health::not_ready(std::string part, std::string reason) { parts_[std::move(part)] = std::move(reason); }

void health::ready(std::string_view part) {
    if (const auto found = parts_.find(part); found != parts_.end()) parts_.erase(found);
}

void health::failed(std::string reason) { failure_ = reason.empty() ? "failed" : std::move(reason); }

std::string health::live_json() const {
    std::vector<std::string> reasons;
    if (!failure_.empty()) reasons.push_back(failure_);
    return to_json(reasons);
}

std::string health::ready_json() const {
    std::vector<std::string> reasons;
    if (!failure_.empty()) reasons.push_back(failure_);
    for (const auto& [part, reason] : parts_) reasons.push_back(part + ": " + reason);
    return to_json(reasons);
}

} // namespace ops
