#include "mapper/api/measurements.hpp"

#include "mapper/api/answer.hpp"

namespace mapper::api {

void measurement_collection::append(std::string_view body, std::string_view source_id) {
    if (size_++ > 0) body_.push_back(',');
    append_with_source(body_, body, source_id);
}

platform::call measurement_collection::create() && {
    platform::call made("POST", "/measurement/measurements", "measurements_create");
    made.content_type = "measurementCollection";
    made.body = std::move(body_);
    made.body.append("]}");
    return made;
}

} // namespace mapper::api
