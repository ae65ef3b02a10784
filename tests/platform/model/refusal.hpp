// What the platform says no with: status, `<resource>/<name>` and a sentence (ref D.1, error body).
#pragma once

#include <optional>
#include <string>

namespace platform_sim::model {

struct refusal {
    int status = 422;
    std::string error;
    std::string message;
};

/// 422 with the one name seen for missing and wrong fields.
inline refusal invalid(std::string message) { return {422, "undefined/validationError", std::move(message)}; }
inline refusal missing(std::string fields) {
    return invalid("Following mandatory fields should be included: " + std::move(fields));
}

} // namespace platform_sim::model
